"""Forecasts of many markets from one file into another."""
