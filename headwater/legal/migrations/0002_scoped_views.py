"""What open processes reach, as views: the portal's role reads these, and of the tables behind them what it is given.

Each row names the process that opens it. The views say in SQL what ``legal.scope.Scope`` says; a property test holds
the two equal. They read with their owner's rights, so the portal needs none on hops and answers.
"""

from django.db import migrations

FORWARD = """
CREATE VIEW legal_open_process AS
SELECT p.id AS process_id,
       p.agency_id,
       p.granted_from,
       p.granted_to,
       p.called_numbers AND p.granted_called_numbers AND p.process_type <> 'voluntary' AS opens_called,
       p.customer_identity AND p.granted_customer_identity AND p.process_type <> 'voluntary' AS opens_identity
FROM legal_legalprocess p
WHERE p.state IN ('accepted', 'producing', 'produced', 'certified')
  AND p.process_type <> 'preservation'
  AND p.access_until > now();

-- What a merge made one campaign is opened under each of its numbers, but for one that the acceptance left out.
CREATE VIEW legal_opened_campaign AS
WITH RECURSIVE united AS (
    SELECT s.process_id, c.id, c.merged_into_id
    FROM legal_processsubject s JOIN campaigns_campaign c ON c.id = s.value
    WHERE s.granted AND s.kind = 'campaign'
    UNION
    SELECT u.process_id, c.id, c.merged_into_id
    FROM united u JOIN campaigns_campaign c ON c.id = u.merged_into_id OR c.merged_into_id = u.id
)
SELECT u.process_id, u.id AS campaign_id
FROM united u
WHERE NOT EXISTS (
    SELECT 1 FROM legal_processsubject s
    WHERE s.process_id = u.process_id AND s.kind = 'campaign' AND s.value = u.id AND NOT s.granted
);

CREATE VIEW legal_scoped_call AS
SELECT o.process_id,
       m.record_id,
       m.campaign_id,
       m.call_at,
       m.calling,
       m.called_masked,
       m.called_state,
       m.terminating_spc,
       -- The tracebacks of this call by which it is opened, where it is by any.
       ARRAY(
           SELECT t.id
           FROM legal_processsubject s JOIN tracebacks_traceback t ON t.id = s.value
           WHERE s.process_id = o.process_id AND s.granted AND s.kind = 'traceback' AND t.record_id = m.record_id
       ) AS traceback_ids
FROM (
    SELECT s.process_id, c.record_id
    FROM legal_opened_campaign s JOIN campaigns_campaignmember c ON c.campaign_id = s.campaign_id
    UNION
    SELECT s.process_id, t.record_id
    FROM legal_processsubject s JOIN tracebacks_traceback t ON t.id = s.value
    WHERE s.granted AND s.kind = 'traceback'
    UNION
    SELECT s.process_id, c.record_id
    FROM legal_processsubject s JOIN campaigns_campaignmember c ON c.calling = s.value
    WHERE s.granted AND s.kind = 'number' AND s.value <> ''
) reached
JOIN legal_open_process o ON o.process_id = reached.process_id
JOIN campaigns_campaignmember m ON m.record_id = reached.record_id
WHERE m.call_at >= o.granted_from
  AND (o.granted_to IS NULL OR m.call_at < o.granted_to);

CREATE VIEW legal_scoped_traceback AS
SELECT o.process_id,
       t.id AS traceback_id,
       t.campaign_id,
       t.record_id,
       t.call_at,
       t.calling,
       CASE WHEN o.opens_called THEN t.called ELSE '' END AS called,
       CASE
           WHEN length(t.called) = 11 AND left(t.called, 1) = '1' THEN '+1 ' || substr(t.called, 2, 3) || ' *** ****'
           ELSE 'masked'
       END AS called_masked,
       t.state,
       t.grade,
       t.outcome,
       t.opened_at,
       t.closed_at,
       p.name AS origin_name,
       p.spc AS origin_spc
FROM legal_open_process o
JOIN tracebacks_traceback t
  ON t.call_at >= o.granted_from AND (o.granted_to IS NULL OR t.call_at < o.granted_to)
LEFT JOIN providers_provider p ON p.id = t.origin_id
WHERE EXISTS (
    SELECT 1 FROM legal_opened_campaign s WHERE s.process_id = o.process_id AND s.campaign_id = t.campaign_id
) OR EXISTS (
    SELECT 1
    FROM legal_processsubject s
    WHERE s.process_id = o.process_id
      AND s.granted
      AND ((s.kind = 'traceback' AND s.value = t.id) OR (s.kind = 'number' AND s.value = t.calling AND s.value <> ''))
);

CREATE VIEW legal_scoped_hop AS
SELECT t.process_id,
       t.traceback_id,
       h.id AS hop_id,
       h.index AS place,
       h.kind,
       v.name AS provider,
       v.spc,
       v.country,
       h.role,
       h.state,
       h.asked_at,
       h.answered_at,
       h.legal_due_at,
       h.answer_code,
       COALESCE(u.name, h.upstream_named ->> 'name', '') AS upstream,
       -- A provider's own words may name its customer: they follow customer identity.
       CASE WHEN o.opens_identity THEN COALESCE(a.payload ->> 'note', '') ELSE '' END AS note,
       COALESCE(a.payload ->> 'note', '') <> '' AS has_note
FROM legal_scoped_traceback t
JOIN legal_open_process o ON o.process_id = t.process_id
JOIN tracebacks_hop h ON h.traceback_id = t.traceback_id AND h.withdrawn_at IS NULL
JOIN providers_provider v ON v.id = h.provider_id
LEFT JOIN providers_provider u ON u.id = h.upstream_id
LEFT JOIN LATERAL (
    SELECT x.payload FROM tracebacks_answer x WHERE x.hop_id = h.id ORDER BY x.version DESC LIMIT 1
) a ON h.answer_code <> '';
"""

BACKWARD = """
DROP VIEW legal_scoped_hop;
DROP VIEW legal_scoped_traceback;
DROP VIEW legal_scoped_call;
DROP VIEW legal_opened_campaign;
DROP VIEW legal_open_process;
"""


class Migration(migrations.Migration):
    """Creates the views."""

    dependencies = [("legal", "0001_initial"), ("tracebacks", "0001_initial"), ("campaigns", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
