"""Decisions become messages: topics, payloads, MQTT."""
