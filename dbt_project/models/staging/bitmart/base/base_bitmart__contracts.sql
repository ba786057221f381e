{{ base_state() }}
