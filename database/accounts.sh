#!/bin/bash
# Three accounts, each with no more than its work needs; MySQL's image runs this once.
set -eu
mysql --user=root --password="$MYSQL_ROOT_PASSWORD" <<SQL
CREATE USER 'migrator'@'%' IDENTIFIED BY '$MIGRATOR_PASSWORD';
CREATE USER 'writer'@'%' IDENTIFIED BY '$WRITER_PASSWORD';
CREATE USER 'reader'@'%' IDENTIFIED BY '$READER_PASSWORD';
GRANT ALL ON flarewatch.* TO 'migrator'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON flarewatch.* TO 'writer'@'%';
GRANT SELECT ON flarewatch.* TO 'reader'@'%';
SQL
