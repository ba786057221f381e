-- What each stream tells by itself of the same wallet, for the exchanges where several do.
{{ union_exchanges('stream_movements') }}
