"""A trigger: each application sets the passwords of its own audience alone, though the desk changes other columns."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION accounts_own_passwords() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    theirs text;
BEGIN
    IF current_user = 'headwater_desk' AND NEW.password IS DISTINCT FROM OLD.password THEN
        SELECT kind INTO theirs FROM accounts_organisation WHERE id = NEW.organisation_id;
        IF theirs IS DISTINCT FROM 'consortium' THEN
            RAISE EXCEPTION 'the desk sets no password of another organisation''s person'
                USING ERRCODE = 'insufficient_privilege';
        END IF;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER accounts_own_passwords BEFORE UPDATE ON accounts_user
    FOR EACH ROW EXECUTE FUNCTION accounts_own_passwords();
"""
BACKWARD = "DROP TRIGGER accounts_own_passwords ON accounts_user; DROP FUNCTION accounts_own_passwords();"


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_cache")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
