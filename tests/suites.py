"""Which behaviours run in which suite.

`make test` leaves out the files below, `make test-all` runs every test.
"""

SLOW = {
    "tests/test_forget.py": "an account deleted, the models built twice",
    "tests/exchanges/test_bigone_models.py": "BigONE's oddities up to the marts, three builds",
    "tests/exchanges/test_bitget_lists_models.py": "Bitget's lists beyond trading up to the marts",
    "tests/exchanges/test_bitget_unified_models.py": "unified accounts up to marts, four builds",
    "tests/exchanges/test_bitmart_to_marts.py": "BitMart's oddities up to the marts, two builds",
    "tests/test_a_year.py": "a year of syncs with outages, day by day",
    "tests/test_account_changes.py": "renaming, rotating and disconnecting, with whole syncs",
    "tests/test_backup.py": "lost and damaged warehouses, several whole syncs",
    "tests/test_bad_input.py": "malformed records in every stream, up to the marts",
    "tests/test_canaries.py": "keys planted in every command, searched in all output",
    "tests/test_coverage_hypothesis.py": "coverage of random accounts compared with the reference",
    "tests/test_coverage_property.py": "coverage of a fleet of random accounts, a whole build",
    "tests/test_data_quality.py": "undocumented records up to the marts, two builds",
    "tests/test_dbt.py": "what makes a build refresh everything, five builds",
    "tests/test_documents.py": "certificate and inventory of whole synced accounts",
    "tests/test_dropped_rows.py": "200 random ledgers with dropped rows",
    "tests/test_every_exchange.py": "the contract of every exchange: faults, kills, limits",
    "tests/test_example_exchange.py": "the exchange of CONTRIBUTING added, synced and built",
    "tests/test_findings_builds.py": "dismissals and contradicting files, four builds",
    "tests/test_flows.py": "a whole run through a real Prefect server",
    "tests/test_growing.py": "incremental builds compared with whole builds over syncs",
    "tests/test_interruptions.py": "an exception at every step of every stream",
    "tests/test_models.py": "incremental builds of two accounts, and whole ones compared",
    "tests/test_publish.py": "publishing under interruptions, with whole builds",
    "tests/test_report_in_browser.py": "the report in Chromium, of the shared history",
    "tests/test_transfers.py": "transfers between accounts of all exchanges, two histories",
    "tests/test_truth.py": "all accounts compared with the ground truth, three builds",
    "tests/test_vanished.py": "vanished and returned records in every stream and scope",
    "tests/test_wire.py": "every packing and transport fault at every exchange",
}
"""Test file: the behaviour that it runs exhaustively."""
