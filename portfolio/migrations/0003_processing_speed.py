from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('portfolio', '0002_live_revision'),
    ]

    operations = [
        migrations.AddField(
            model_name='projectrag',
            name='processing_speed',
            field=models.CharField(blank=True, help_text='And how long it still takes.', max_length=120),
        ),
    ]
