"""Carillon: a self-hosted job scheduler."""
