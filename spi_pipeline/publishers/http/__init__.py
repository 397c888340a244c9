"""Asking over HTTP: where addresses may lead, what answers mean, how fast to ask; no publisher's dialect."""
