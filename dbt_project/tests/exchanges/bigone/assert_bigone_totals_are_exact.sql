{{ config(severity='warn') }}

-- BigONE states no total of a spot trade: it is price times amount. One that decimal(38, 18) cannot
-- hold to the last digit has none, and its rows are kept outside
-- the sums: named here, and in `fct_data_quality`.
select
    trade_id,
    price,
    base_quantity
from {{ ref('stg_bigone__trades') }}
where
    product_type = 'spot'
    and quote_quantity is null
    and price is not null
    and base_quantity is not null
