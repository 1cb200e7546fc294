"""The assistant's addresses, below a project's own."""

from django.urls import path

from rag import views

urlpatterns = [
    path("panel/", views.panel, name="panel"),
    path("initialize/", views.initialize, name="initialize"),
    path("chat/", views.chat, name="chat"),
    path("chat/clear/", views.clear, name="clear"),
    path("chat/before/<uuid:message_id>/", views.earlier, name="earlier"),
    path("chat/<uuid:message_id>/sources/<int:number>/", views.source, name="source"),
    path("chat/<uuid:message_id>/stream", views.stream, name="stream"),
    path("chat/<uuid:message_id>/again/", views.again, name="again"),
]
