"""Work by the clock: sets of files from the ERP, checked, applied and answered for. Tasy contract, section 10."""
