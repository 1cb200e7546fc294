from django.db import migrations

# By PostgreSQL, whichever way a row goes or changes: by the admin, a query, or a hand.
MAKE = """
    CREATE FUNCTION portfolio_forget_picture() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        gone text := to_jsonb(OLD) ->> TG_ARGV[0];
    BEGIN
        IF TG_OP = 'DELETE' OR gone IS DISTINCT FROM to_jsonb(NEW) ->> TG_ARGV[0] THEN
            DELETE FROM portfolio_storedfile WHERE name = gone
                AND NOT EXISTS (SELECT FROM portfolio_project WHERE image = gone)
                AND NOT EXISTS (SELECT FROM portfolio_owner WHERE picture = gone);
        END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER forget_picture AFTER DELETE OR UPDATE OF image ON portfolio_project
        FOR EACH ROW EXECUTE FUNCTION portfolio_forget_picture('image');
    CREATE TRIGGER forget_picture AFTER DELETE OR UPDATE OF picture ON portfolio_owner
        FOR EACH ROW EXECUTE FUNCTION portfolio_forget_picture('picture');
    DELETE FROM portfolio_storedfile WHERE name NOT IN (SELECT image FROM portfolio_project WHERE image IS NOT NULL)
        AND name NOT IN (SELECT picture FROM portfolio_owner WHERE picture IS NOT NULL);"""
UNDO = "DROP FUNCTION portfolio_forget_picture() CASCADE"


class Migration(migrations.Migration):

    dependencies = [
        ('portfolio', '0004_login_attempts'),
    ]

    operations = [
        migrations.RunSQL(MAKE, UNDO),
    ]
