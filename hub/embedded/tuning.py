"""Settings of the embedded PostgreSQL. https://www.postgresql.org/docs/18/runtime-config.html"""

from __future__ import annotations

from collections.abc import Mapping


def tuning(memory: int) -> dict[str, str]:
    """Settings of a server with `memory` bytes that shares the machine with the hub."""
    megabyte = 2**20
    shared = max(64, min(1024, memory // 4 // megabyte))
    return {
        "shared_buffers": f"{shared}MB",
        "effective_cache_size": f"{max(128, memory // 2 // megabyte)}MB",
        "work_mem": "16MB",
        "maintenance_work_mem": f"{max(64, min(256, memory // 16 // megabyte))}MB",
        "max_connections": "100",
        "wal_buffers": "16MB",
        "min_wal_size": "256MB",
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
        "random_page_cost": "1.1",
        "default_statistics_target": "200",
        # Planning and compiling cost more than our short statements.
        "jit": "off",
        "max_parallel_workers_per_gather": "0",
        # Index tables grow by inserts: keep their visibility maps fresh, or index-only scans visit the heap.
        "autovacuum_naptime": "15s",
        "autovacuum_vacuum_insert_scale_factor": "0.05",
        "autovacuum_vacuum_scale_factor": "0.05",
        # Statements find out by themselves how to be read, so statistics need not be fresher than that; samples of all
        # tables cost a busy record more than its writes.
        "autovacuum_analyze_scale_factor": "0.1",
        "autovacuum_vacuum_cost_limit": "2000",
    }


FIXED: Mapping[str, str] = {
    "listen_addresses": "''",
    "unix_socket_permissions": "0700",
    "password_encryption": "'scram-sha-256'",
    "timezone": "'UTC'",
    # No statement, parameter or row may reach the log, and errors quote them: what went wrong is told to the hub alone.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",
}
