"""Ways to make a server's data directory from another's, for Cluster(data=…)."""

import shutil
import subprocess


def base_backup(source, *options):
    """By pg_basebackup."""

    def make(path):
        arguments = ("-D", path, "-c", "fast", "--no-sync", *options)
        source.run_program("pg_basebackup", *arguments, as_server_user=True)

    return make


def standby(source):
    """A base backup that starts as a standby of its source."""
    return base_backup(source, "--write-recovery-conf")


def copied(source):
    """By cp -a, with everything that lies in the directory."""

    def make(path):
        subprocess.run(["cp", "-a", source.data, path], check=True)
        (path / "postmaster.pid").unlink(missing_ok=True)

    return make


def snapshot(source):
    """As a file system's snapshot or a tool for backups does it: copied while the server runs."""

    def make(path):
        with source.connect() as connection:
            connection.execute("SELECT pg_backup_start('snapshot', fast => true)")
            # Files may vanish while they are copied.
            subprocess.run(["cp", "-a", source.data, path], stderr=subprocess.DEVNULL)
            label = connection.execute(
                "SELECT labelfile FROM pg_backup_stop(wait_for_archive => false)"
            ).fetchone()[0]
        (path / "postmaster.pid").unlink()
        (path / "backup_label").write_text(label)
        shutil.chown(path / "backup_label", path.owner(), path.group())
        # The WAL up to the end of the backup, which the copy of pg_wal may lack.
        for segment in (source.data / "pg_wal").iterdir():
            if segment.is_file():
                subprocess.run(["cp", "-a", segment, path / "pg_wal"], check=True)

    return make
