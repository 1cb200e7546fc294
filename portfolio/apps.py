from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class PortfolioConfig(AppConfig):
    name = "portfolio"
    verbose_name = "Portfolio"


class OwnerAdminConfig(AdminConfig):
    """Django's admin behind a door that counts attempts."""

    default_site = "portfolio.logins.OwnerSite"
