"""The trigger that keeps the roll-up of campaigns' calls in step with their members."""

from django.db import migrations

# One statement's rows are folded first, so that a batch of a thousand members is a few dozen upserts; in the order of
# the key, so that two writers lock in one order. A row that only moves within the same cells changes nothing.
_FOLD = """
        INSERT INTO trends_trendhour AS kept (cut, campaign_id, state, hour, vantage, calls)
        SELECT * FROM (
            SELECT CASE WHEN GROUPING(m.campaign_id) = 1 AND GROUPING(m.called_state) = 1 THEN 'all'
                        WHEN GROUPING(m.campaign_id) = 1 THEN 'state'
                        WHEN GROUPING(m.called_state) = 1 THEN 'campaign'
                        ELSE 'campaign_state' END AS cut,
                   COALESCE(m.campaign_id, '') AS campaign_id,
                   COALESCE(m.called_state, '') AS state,
                   date_trunc('hour', m.call_at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS hour,
                   m.source_kind AS vantage,
                   SUM(m.sign) AS calls
            FROM ({rows}) m
            GROUP BY 4, 5, CUBE (m.campaign_id, m.called_state)
            HAVING SUM(m.sign) <> 0
        ) folded
        ORDER BY 1, 2, 3, 4, 5
        ON CONFLICT (cut, campaign_id, state, hour, vantage) DO UPDATE SET calls = kept.calls + EXCLUDED.calls;
"""
_COLUMNS = "campaign_id, called_state, source_kind, call_at"
_ADDED = f"SELECT {_COLUMNS}, 1 AS sign FROM added"
_REMOVED = f"SELECT {_COLUMNS}, -1 AS sign FROM removed"

FORWARD = f"""
CREATE FUNCTION trends_roll_up() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN {_FOLD.format(rows=_ADDED)}
    ELSIF TG_OP = 'DELETE' THEN {_FOLD.format(rows=_REMOVED)}
    ELSE {_FOLD.format(rows=f"{_ADDED} UNION ALL {_REMOVED}")}
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER trends_added AFTER INSERT ON campaigns_campaignmember
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION trends_roll_up();
CREATE TRIGGER trends_moved AFTER UPDATE ON campaigns_campaignmember
    REFERENCING NEW TABLE AS added OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION trends_roll_up();
CREATE TRIGGER trends_removed AFTER DELETE ON campaigns_campaignmember
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION trends_roll_up();
"""

BACKWARD = """
DROP TRIGGER trends_added ON campaigns_campaignmember;
DROP TRIGGER trends_moved ON campaigns_campaignmember;
DROP TRIGGER trends_removed ON campaigns_campaignmember;
DROP FUNCTION trends_roll_up();
"""


class Migration(migrations.Migration):
    dependencies = [("trends", "0001_initial"), ("campaigns", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
