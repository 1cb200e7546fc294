from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('rag', '0003_search_index'),
    ]

    operations = [
        migrations.AddField(
            model_name='message',
            name='confidence',
            field=models.FloatField(blank=True, help_text='How likely the code answers it, 0…1.', null=True),
        ),
    ]
