from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class PortfolioConfig(AppConfig):
    name = "portfolio"
    verbose_name = "Portfolio"

    def ready(self) -> None:
        import config.checks  # noqa: F401, PLC0415 — registers them; the addresses are read too late for that


class OwnerAdminConfig(AdminConfig):
    """Django's admin behind a door that counts attempts."""

    default_site = "portfolio.logins.OwnerSite"
