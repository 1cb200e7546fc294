import django.db.models.deletion
from django.db import migrations, models


# Deleted by PostgreSQL: Django would first read each row, and the admin list it.
CASCADE = """
    ALTER TABLE {table} ADD CONSTRAINT {table}_of_a_project
    FOREIGN KEY (rag_id) REFERENCES portfolio_projectrag (id) ON DELETE CASCADE"""
UNDO = "ALTER TABLE {table} DROP CONSTRAINT {table}_of_a_project"


class Migration(migrations.Migration):

    dependencies = [
        ('portfolio', '0002_live_revision'),
        ('rag', '0005_unanswered'),
    ]

    operations = [
        migrations.AlterField(
            model_name='posting',
            name='rag',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='portfolio.projectrag'),
        ),
        migrations.AlterField(
            model_name='signature',
            name='rag',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='portfolio.projectrag'),
        ),
        *(
            migrations.RunSQL(CASCADE.format(table=table), UNDO.format(table=table))
            for table in ("rag_signature", "rag_posting")
        ),
    ]
