with source as (

    select * from {{ raw_table('bitmex', 'affiliate_status') }}

),

opened as (

    {{ open_records(
        fields=[
            'account', 'referrerAccount', 'currency', 'prevPayout', 'pendingPayout',
            'affiliatePayout', 'prevTurnover', 'prevComm', 'execTurnover', 'execComm',
            'totalTurnover', 'totalComm', 'totalReferrals', 'payoutPcnt', 'referralDiscount',
            'prevTimestamp', 'timestamp',
        ],
        numbers=[
            'prevPayout', 'pendingPayout', 'affiliatePayout', 'prevTurnover', 'prevComm',
            'execTurnover', 'execComm', 'totalTurnover', 'totalComm',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,
        {{ text_field('account') }} as account_number,
        {{ text_field('referrerAccount') }} as referrer_account,

        -- what
        {{ text_field('currency') }} as currency,

        -- how much, in minor units
        {{ minor_units(number_field('prevPayout')) }} as prev_payout_minor,
        {{ minor_units(number_field('pendingPayout')) }} as pending_payout_minor,
        {{ minor_units(number_field('affiliatePayout')) }} as affiliate_payout_minor,
        {{ minor_units(number_field('prevTurnover')) }} as prev_turnover_minor,
        {{ minor_units(number_field('prevComm')) }} as prev_comm_minor,
        {{ minor_units(number_field('execTurnover')) }} as exec_turnover_minor,
        {{ minor_units(number_field('execComm')) }} as exec_comm_minor,
        {{ minor_units(number_field('totalTurnover')) }} as total_turnover_minor,
        {{ minor_units(number_field('totalComm')) }} as total_comm_minor,
        {{ integer_field('totalReferrals') }} as referral_count,

        -- rates, as written: floating point
        {{ text_field('payoutPcnt') }} as payout_pcnt_text,
        {{ text_field('referralDiscount') }} as referral_discount_text,

        -- when
        {{ iso_to_utc(text_field('prevTimestamp')) }} as previous_payout_at,
        {{ iso_to_utc(text_field('timestamp')) }} as changed_at,
        {{ unreadable_amounts(
            amounts=[],
            minors=[
                'prevPayout', 'pendingPayout', 'affiliatePayout', 'prevTurnover', 'prevComm',
                'execTurnover', 'execComm', 'totalTurnover', 'totalComm',
            ]
        ) }} as unreadable_amounts,

        -- where it came from and when
        origin,
        receipt_id,
        occurred_at,
        _dlt_load_id as load_id
    from opened

)

select * from renamed
