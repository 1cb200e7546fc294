import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Project',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('title', models.CharField(max_length=120)),
                ('slug', models.SlugField(blank=True, help_text='Its address; made from the title when empty.', max_length=120, unique=True)),
                ('summary', models.CharField(blank=True, help_text='One or two sentences for the card.', max_length=240)),
                ('description', models.TextField(blank=True, help_text="Markdown, for the project's own page.")),
                ('repository_url', models.CharField(blank=True, help_text='https://github.com/owner/name, or another host that is allowed.', max_length=500)),
                ('ref', models.CharField(blank=True, help_text="The repository's default branch when empty.", max_length=200, validators=[django.core.validators.RegexValidator('^[A-Za-z0-9_][\\w./+@-]*$', 'A branch or tag name: letters, digits and . _ / + @ -')], verbose_name='branch or tag')),
                ('homepage_url', models.URLField(blank=True)),
                ('image', models.ImageField(blank=True, help_text='A cover is drawn from the title when empty.', upload_to='projects')),
                ('tags', models.CharField(blank=True, help_text='Separated by commas.', max_length=200)),
                ('is_published', models.BooleanField(default=False, help_text='Visitors see published projects only.')),
                ('position', models.PositiveSmallIntegerField(default=0, help_text='Smaller numbers come first.')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
            ],
            options={
                'ordering': ['position', '-created_at', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='ProjectRAG',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('processing_status', models.CharField(choices=[('pending', 'Pending'), ('processing', 'Processing'), ('ready', 'Ready'), ('failed', 'Failed')], default='pending', max_length=12)),
                ('processing_stage', models.CharField(blank=True, choices=[('queued', 'waiting for its turn'), ('fetching', 'fetching the repository'), ('chunking', 'reading the files'), ('embedding', 'embedding the code'), ('indexing', 'building the index'), ('validating', 'checking the index')], default='', max_length=12)),
                ('progress_percentage', models.PositiveSmallIntegerField(default=0)),
                ('processing_error', models.TextField(blank=True, help_text='What went wrong and what to do about it; for admins.')),
                ('error_code', models.CharField(blank=True, max_length=40)),
                ('attempts', models.PositiveSmallIntegerField(default=0, help_text='Since the last success or request.')),
                ('next_attempt_at', models.DateTimeField(blank=True, help_text='When --watch tries a failure again.', null=True)),
                ('cancelled_at', models.DateTimeField(blank=True, help_text='Left alone until requested again.', null=True)),
                ('requested_at', models.DateTimeField(blank=True, null=True)),
                ('started_at', models.DateTimeField(blank=True, null=True)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('checked_at', models.DateTimeField(blank=True, help_text='The last look for new commits.', null=True)),
                ('source_bytes', models.PositiveBigIntegerField(blank=True, help_text='Text to read, as last listed.', null=True)),
                ('lease_token', models.UUIDField(blank=True, null=True)),
                ('lease_expires_at', models.DateTimeField(blank=True, null=True)),
                ('lease_holder', models.CharField(blank=True, max_length=200)),
            ],
            options={
                'verbose_name': 'assistant',
            },
        ),
        migrations.CreateModel(
            name='StoredFile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=200, unique=True)),
                ('content', models.BinaryField()),
                ('content_type', models.CharField(max_length=60)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.CreateModel(
            name='Owner',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(default='A developer', max_length=100)),
                ('headline', models.CharField(default='Projects you can ask about their own code', max_length=160)),
                ('about', models.TextField(blank=True, help_text='Markdown.')),
                ('picture', models.ImageField(blank=True, upload_to='owner')),
                ('links', models.TextField(blank=True, help_text='One a line: label, a space, and the address. GitHub https://github.com/you')),
            ],
            options={
                'verbose_name_plural': 'owner',
                'constraints': [models.CheckConstraint(condition=models.Q(('pk', 1)), name='one_owner')],
            },
        ),
    ]
