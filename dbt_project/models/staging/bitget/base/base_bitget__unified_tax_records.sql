{{ base_history() }}
