"""The chain itself: appending, refusing everything else."""

from django.db import migrations

FORWARD = """
-- Chains a new entry to the head. Whatever the INSERT said of the other columns is overwritten from the entry.
CREATE FUNCTION audit_chain() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public
AS $$
DECLARE
    head public.audit_head%ROWTYPE;
    body jsonb;
BEGIN
    IF octet_length(NEW.entry) > 65536 THEN
        RAISE EXCEPTION 'audit: an entry of % octets is too long', octet_length(NEW.entry);
    END IF;
    body := NEW.entry::jsonb;
    -- Which process wrote it cannot be claimed: it is the role that signed in to the database.
    IF body->>'process' IS DISTINCT FROM session_user::text THEN
        RAISE EXCEPTION 'audit: entry says process %, but % is signed in', body->>'process', session_user;
    END IF;
    SELECT * INTO head FROM public.audit_head WHERE id = 1 FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'audit: the head row is missing; run migrations';
    END IF;
    NEW.seq := head.seq + 1;
    NEW.at := (body->>'at')::timestamptz;
    NEW.actor := body->>'actor';
    NEW.organisation := body->>'organisation';
    NEW.tag := body->>'tag';
    NEW.subject := body->>'subject';
    NEW.detail := body->'detail';
    NEW.prev_hash := head.hash;
    NEW.hash := encode(
        sha256(decode(head.hash, 'hex') || int8send(NEW.seq) || convert_to(NEW.entry, 'UTF8')), 'hex'
    );
    UPDATE public.audit_head SET seq = NEW.seq, hash = NEW.hash WHERE id = 1;
    RETURN NEW;
END
$$;

CREATE TRIGGER audit_entry_chain
BEFORE INSERT ON audit_entry
FOR EACH ROW EXECUTE FUNCTION audit_chain();

CREATE FUNCTION audit_refuse() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public
AS $$
BEGIN
    RAISE EXCEPTION 'audit: % of % is refused: the audit is only ever appended to', TG_OP, TG_TABLE_NAME;
END
$$;

CREATE TRIGGER audit_entry_unchanged
BEFORE UPDATE OR DELETE ON audit_entry
FOR EACH ROW EXECUTE FUNCTION audit_refuse();

-- TRUNCATE of an empty log changes nothing and is let through; of a log with entries it is refused.
CREATE FUNCTION audit_refuse_truncate() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public
AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM public.audit_entry) THEN
        RAISE EXCEPTION 'audit: TRUNCATE of % is refused: the audit is only ever appended to', TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER audit_entry_untruncated
BEFORE TRUNCATE ON audit_entry
FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_truncate();

CREATE TRIGGER audit_head_untruncated
BEFORE TRUNCATE ON audit_head
FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_truncate();

-- The head moves only from inside audit_chain (trigger depth 2); it is created once, at the beginning of the chain.
CREATE FUNCTION audit_head_guard() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public
AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.id = 1 AND NEW.seq = 0 AND NEW.hash = repeat('0', 64)
        AND NOT EXISTS (SELECT 1 FROM public.audit_entry)
    THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' AND pg_trigger_depth() = 2 THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'audit: % of the head is refused', TG_OP;
END
$$;

CREATE TRIGGER audit_head_unchanged
BEFORE INSERT OR UPDATE OR DELETE ON audit_head
FOR EACH ROW EXECUTE FUNCTION audit_head_guard();

INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, repeat('0', 64));

-- The only door for the processes: runs as the owner of the tables.
CREATE FUNCTION audit_append(entry text) RETURNS bigint
LANGUAGE sql
SECURITY DEFINER
SET search_path = pg_catalog, public
AS $$
    INSERT INTO public.audit_entry (seq, at, actor, organisation, tag, subject, detail, entry, prev_hash, hash)
    VALUES (0, 'epoch', '', '', '', '', '{}', $1, '', '')
    RETURNING seq
$$;

REVOKE ALL ON FUNCTION audit_append(text) FROM PUBLIC;
"""

BACKWARD = """
DROP FUNCTION audit_append(text);
DROP TRIGGER audit_head_unchanged ON audit_head;
DROP TRIGGER audit_head_untruncated ON audit_head;
DROP TRIGGER audit_entry_untruncated ON audit_entry;
DROP TRIGGER audit_entry_unchanged ON audit_entry;
DROP TRIGGER audit_entry_chain ON audit_entry;
DROP FUNCTION audit_head_guard();
DROP FUNCTION audit_refuse_truncate();
DROP FUNCTION audit_refuse();
DROP FUNCTION audit_chain();
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
