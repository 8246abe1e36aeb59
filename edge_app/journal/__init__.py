"""Decisions become durable before they are sent."""
