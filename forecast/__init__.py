"""Market-share histories and forecasts from published statements."""
