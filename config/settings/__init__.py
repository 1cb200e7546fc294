"""The settings of every place Docent runs in; what differs comes from the environment (README, "Configuration").

Safe by default: without DEBUG there is no start without SECRET_KEY and DATABASE_URL, cookies and redirects want https,
and only the hosts that are named are answered.
"""

from config.settings.assistant import *  # noqa: F403
from config.settings.place import BASE_DIR as BASE_DIR
from config.settings.site import *  # noqa: F403
