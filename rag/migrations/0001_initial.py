import django.contrib.postgres.search
import django.db.models.deletion
import pgvector.django.halfvec
import uuid
from decimal import Decimal
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('portfolio', '0001_initial'),
    ]

    operations = [
        # The lock: two processes that migrate at once would both try to create it.
        migrations.RunSQL(
            "SELECT pg_advisory_xact_lock(7233182); CREATE EXTENSION IF NOT EXISTS vector",
            migrations.RunSQL.noop,
        ),
        migrations.CreateModel(
            name='Conversation',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='conversations', to='portfolio.project')),
            ],
            options={
                'ordering': ['-created_at'],
            },
        ),
        migrations.CreateModel(
            name='Revision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('repository_url', models.CharField(max_length=500)),
                ('ref', models.CharField(blank=True, max_length=200)),
                ('commit_sha', models.CharField(max_length=64)),
                ('embedding_model', models.CharField(max_length=100)),
                ('dimensions', models.PositiveSmallIntegerField()),
                ('pipeline', models.CharField(help_text='Fingerprint of the rules and the model that made it.', max_length=64)),
                ('files_seen', models.PositiveIntegerField(default=0)),
                ('files_indexed', models.PositiveIntegerField(default=0)),
                ('files_skipped', models.PositiveIntegerField(default=0)),
                ('files_fell_back', models.PositiveIntegerField(default=0, help_text='Cut by lines because no parser could read them.')),
                ('chunk_count', models.PositiveIntegerField(default=0)),
                ('embedded_count', models.PositiveIntegerField(default=0, help_text='Texts sent to the embedding model.')),
                ('reused_count', models.PositiveIntegerField(default=0, help_text='Chunks whose vector was already known.')),
                ('text_bytes', models.PositiveBigIntegerField(default=0)),
                ('tokens', models.PositiveBigIntegerField(default=0)),
                ('cost_usd', models.DecimalField(decimal_places=6, default=Decimal('0'), max_digits=12)),
                ('languages', models.JSONField(default=dict, help_text='Language → bytes.')),
                ('timings', models.JSONField(default=dict, help_text='Stage → seconds.')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('rag', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='revisions', to='portfolio.projectrag')),
            ],
            options={
                'ordering': ['-pk'],
            },
        ),
        migrations.CreateModel(
            name='Message',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('question', models.TextField()),
                ('answer', models.TextField(blank=True, help_text='Markdown, with [n] for the n-th source.')),
                ('status', models.CharField(choices=[('pending', 'Pending'), ('streaming', 'Streaming'), ('complete', 'Complete'), ('interrupted', 'Interrupted'), ('failed', 'Failed')], default='pending', max_length=12)),
                ('found', models.BooleanField(blank=True, help_text='Whether retrieval found anything relevant.', null=True)),
                ('provider', models.CharField(blank=True, max_length=40)),
                ('model', models.CharField(blank=True, max_length=100)),
                ('error_code', models.CharField(blank=True, max_length=40)),
                ('tokens_in', models.PositiveIntegerField(default=0)),
                ('tokens_out', models.PositiveIntegerField(default=0)),
                ('cost_usd', models.DecimalField(decimal_places=6, default=Decimal('0'), max_digits=12)),
                ('retrieval_ms', models.PositiveIntegerField(blank=True, null=True)),
                ('first_token_ms', models.PositiveIntegerField(blank=True, null=True)),
                ('total_ms', models.PositiveIntegerField(blank=True, null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('started_at', models.DateTimeField(blank=True, null=True)),
                ('conversation', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='messages', to='rag.conversation')),
                ('revision', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='rag.revision')),
            ],
            options={
                'ordering': ['created_at', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='SourceFile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('path', models.TextField()),
                ('blob_sha', models.CharField(max_length=64)),
                ('pipeline', models.CharField(help_text='Fingerprint of the rules and the model that made its chunks.', max_length=64)),
                ('embedding_model', models.CharField(max_length=100)),
                ('language', models.CharField(blank=True, max_length=40)),
                ('kind', models.CharField(choices=[('code', 'Code'), ('prose', 'Prose'), ('readme', 'Readme')], default='code', max_length=8)),
                ('size', models.PositiveBigIntegerField(help_text='Bytes.')),
                ('skip_reason', models.CharField(blank=True, choices=[('not_a_file', 'not a regular file (symlink or submodule)'), ('too_large', 'larger than the limit'), ('empty', 'empty'), ('binary', 'binary or an image'), ('documentation', 'documentation folder'), ('lock_file', 'lock file'), ('minified', 'minified'), ('vendored', "somebody else's code"), ('generated', 'generated'), ('credentials', 'may hold credentials'), ('ignored', 'left out by .docentignore'), ('encoding', 'text in no encoding that could be read'), ('lfs_pointer', 'stored with Git LFS'), ('data', 'data, not code'), ('path', 'a path that cannot be shown'), ('long_lines', 'lines too long to cite'), ('over_limit', 'beyond the limit of files or text for one repository'), ('unreadable', 'could not be read')], default='', max_length=16)),
                ('fell_back', models.BooleanField(default=False, help_text='Cut by lines because no parser could read it.')),
                ('chunk_count', models.PositiveIntegerField(default=0)),
                ('note', models.TextField(blank=True, help_text='Which lines the embedding model refused.')),
                ('rag', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='files', to='portfolio.projectrag')),
            ],
        ),
        migrations.CreateModel(
            name='RevisionFile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('revision', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='rag.revision')),
                ('file', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='rag.sourcefile')),
            ],
        ),
        migrations.AddField(
            model_name='revision',
            name='files',
            field=models.ManyToManyField(related_name='revisions', through='rag.RevisionFile', to='rag.sourcefile'),
        ),
        migrations.CreateModel(
            name='Chunk',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('ordinal', models.PositiveIntegerField()),
                ('start_line', models.PositiveIntegerField()),
                ('end_line', models.PositiveIntegerField()),
                ('symbol', models.TextField(blank=True)),
                ('text', models.TextField()),
                ('sha256', models.BinaryField(help_text='Of the embedded text.', max_length=32)),
                ('embedding', pgvector.django.halfvec.HalfVectorField()),
                ('terms', django.contrib.postgres.search.SearchVectorField()),
                ('rag', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='portfolio.projectrag')),
                ('file', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='chunks', to='rag.sourcefile')),
            ],
        ),
        # Vectors stay in the row: reading them from a TOAST table makes the exact scan three times slower.
        migrations.RunSQL(
            "ALTER TABLE rag_chunk ALTER COLUMN embedding SET STORAGE PLAIN",
            migrations.RunSQL.noop,
        ),
        migrations.CreateModel(
            name='MessageSource',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveSmallIntegerField()),
                ('path', models.TextField()),
                ('language', models.CharField(blank=True, max_length=40)),
                ('symbol', models.TextField(blank=True)),
                ('start_line', models.PositiveIntegerField()),
                ('end_line', models.PositiveIntegerField()),
                ('commit_sha', models.CharField(max_length=64)),
                ('url', models.TextField(blank=True, help_text="The lines on the repository's host; empty for a local repository.")),
                ('text', models.TextField()),
                ('score', models.FloatField()),
                ('cited', models.BooleanField(default=False)),
                ('message', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='sources', to='rag.message')),
            ],
            options={
                'ordering': ['number'],
                'constraints': [models.UniqueConstraint(fields=('message', 'number'), name='one_source_a_number')],
            },
        ),
        migrations.AddConstraint(
            model_name='sourcefile',
            constraint=models.UniqueConstraint(fields=('rag', 'path', 'blob_sha', 'pipeline'), name='one_row_a_file_version'),
        ),
        migrations.AddConstraint(
            model_name='revisionfile',
            constraint=models.UniqueConstraint(fields=('revision', 'file'), name='one_membership'),
        ),
        migrations.AddIndex(
            model_name='chunk',
            index=models.Index(fields=['sha256'], name='chunk_text'),
        ),
        migrations.AddConstraint(
            model_name='chunk',
            constraint=models.UniqueConstraint(fields=('file', 'ordinal'), name='one_chunk_a_place'),
        ),
        migrations.AddConstraint(
            model_name='chunk',
            constraint=models.CheckConstraint(condition=models.Q(('end_line__gte', models.F('start_line')), ('start_line__gte', 1)), name='lines_in_order'),
        ),
    ]
