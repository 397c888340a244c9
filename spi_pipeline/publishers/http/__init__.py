"""Requests over HTTP: where addresses may lead, what responses mean, how fast to send; no publisher's dialect."""
