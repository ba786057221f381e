-- Movements of a wallet as each of its streams lists them, where several list the same wallet.
{{ union_exchanges('stream_movements') }}
