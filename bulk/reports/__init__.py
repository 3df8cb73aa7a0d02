"""The files of a batch's folder, written from its journal. Neither Codat nor a running command is needed."""
