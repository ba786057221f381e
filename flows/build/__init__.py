"""Run dbt on the warehouse and publish the result."""
