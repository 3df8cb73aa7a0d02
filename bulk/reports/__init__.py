"""Writes the reports in a batch's folder from its journal. Neither Codat nor a running command is needed."""
