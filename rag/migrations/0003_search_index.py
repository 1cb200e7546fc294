import django.contrib.postgres.fields
import django.contrib.postgres.search
import django.db.models.deletion
from django.db import migrations, models

from rag.models import search_tables

# What is live stays searchable: signatures from the vectors, postings from the terms that chunks had. No fingerprint is
# set, so the next run of each project makes its search index anew by the rules of that day.
SIGN = """
    INSERT INTO rag_signature (rag_id, chunk_id, bits)
    SELECT live.id, chunk.id, binary_quantize(chunk.embedding)
    FROM portfolio_projectrag live
    JOIN rag_revisionfile member ON member.revision_id = live.live_revision_id
    JOIN rag_chunk chunk ON chunk.file_id = member.file_id"""
POST = """
    INSERT INTO rag_posting (rag_id, term, frequency, chunks, weights)
    SELECT live.id, word.lexeme, count(*), array_agg(chunk.id),
           array_agg(round(1000 * word.count * 2.2 / (word.count + 1.2 * (0.25 + 0.75 * word.length / 130)))::smallint)
    FROM portfolio_projectrag live
    JOIN rag_revisionfile member ON member.revision_id = live.live_revision_id
    JOIN rag_chunk chunk ON chunk.file_id = member.file_id,
    LATERAL (
        SELECT lexeme, cardinality(positions) AS count, sum(cardinality(positions)) OVER () AS length
        FROM unnest(chunk.terms)
    ) word
    GROUP BY live.id, word.lexeme"""

# On the way back: of each chunk its project and plain words, until the project is processed anew. What the foreign keys
# have still to check would keep the table from being altered.
FILL = """
    UPDATE rag_chunk chunk SET rag_id = file.rag_id, terms = to_tsvector('simple', text)
    FROM rag_sourcefile file WHERE file.id = chunk.file_id;
    SET CONSTRAINTS ALL IMMEDIATE"""


class Migration(migrations.Migration):

    dependencies = [
        ('portfolio', '0002_live_revision'),
        ('rag', '0002_visitor'),
    ]

    operations = [
        migrations.AddField(
            model_name='revision',
            name='search_rules',
            field=models.CharField(blank=True, help_text='Fingerprint of the rules that made its search index.', max_length=16),
        ),
        migrations.CreateModel(
            name='Signature',
            fields=[
                ('pk', models.CompositePrimaryKey('rag_id', 'chunk_id', blank=True, editable=False, primary_key=True, serialize=False)),
                ('rag', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='portfolio.projectrag')),
                ('chunk_id', models.BigIntegerField()),
                ('bits', search_tables.BitVaryingField()),
            ],
        ),
        # Compressed or elsewhere they would be slower to scan.
        migrations.RunSQL("ALTER TABLE rag_signature ALTER COLUMN bits SET STORAGE PLAIN", migrations.RunSQL.noop),
        migrations.CreateModel(
            name='Posting',
            fields=[
                ('pk', models.CompositePrimaryKey('rag_id', 'term', blank=True, editable=False, primary_key=True, serialize=False)),
                ('rag', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='portfolio.projectrag')),
                ('term', models.TextField(db_collation='C')),
                ('frequency', models.IntegerField()),
                ('chunks', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                ('weights', django.contrib.postgres.fields.ArrayField(base_field=models.SmallIntegerField(), size=None)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('chunks__len', models.F('frequency')), ('frequency__gt', 0), ('weights__len', models.F('frequency'))), name='a_weight_a_chunk')],
            },
        ),
        migrations.RunSQL([SIGN, POST], migrations.RunSQL.noop),
        # Empty only on the way back, until they are filled.
        migrations.AlterField(
            model_name='chunk',
            name='terms',
            field=django.contrib.postgres.search.SearchVectorField(null=True),
        ),
        migrations.AlterField(
            model_name='chunk',
            name='rag',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='portfolio.projectrag'),
        ),
        migrations.RunSQL(migrations.RunSQL.noop, FILL),
        migrations.RemoveField(
            model_name='chunk',
            name='rag',
        ),
        migrations.RemoveField(
            model_name='chunk',
            name='terms',
        ),
    ]
