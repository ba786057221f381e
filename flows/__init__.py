"""What runs the pipelines: Prefect flows, dbt, publishing and the command line."""
