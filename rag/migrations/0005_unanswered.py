from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('rag', '0004_message_confidence'),
    ]

    operations = [
        migrations.CreateModel(
            name='UnansweredQuestion',
            fields=[
            ],
            options={
                'ordering': ['-created_at', 'pk'],
                'proxy': True,
                'indexes': [],
                'constraints': [],
            },
            bases=('rag.message',),
        ),
        migrations.AddField(
            model_name='message',
            name='review',
            field=models.CharField(blank=True, choices=[('seen', 'Seen'), ('resolved', 'Resolved')], default='', max_length=8),
        ),
    ]
