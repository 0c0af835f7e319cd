#!/bin/bash
# Three accounts, each with no more than its work needs: passwords lie in a database of their own,
# which the dashboard's account cannot read. MySQL's image runs this at its first start.
# `accounts.sh --check` only looks at the passwords. docker-compose.yml does so before MySQL starts,
# because a first start that fails half-way leaves a store without these accounts.
#
# Where the executable bit is lost, the image sources this file instead of running it. The
# parentheses keep `set -eu` away from the image's own script, which `-u` would end.
(
set -eu

refuse() {
    echo "$1; set another one in .env" >&2
    exit 1
}

check_passwords() {
    local name
    for name in MYSQL_ROOT_PASSWORD MIGRATOR_PASSWORD WRITER_PASSWORD READER_PASSWORD; do
        [[ -n ${!name-} ]] || refuse "$name is empty"
        [[ ${!name} != *[[:cntrl:]]* ]] || refuse "$name holds a line break or a control character"
    done
    # The image writes this one into SQL as it is.
    [[ $MYSQL_ROOT_PASSWORD != *[\'\\]* ]] || refuse "MYSQL_ROOT_PASSWORD holds ' or \\"
}

sql_string() {
    local quote="'" text=${1//\\/\\\\}
    echo "'${text//$quote/$quote$quote}'"
}

create_accounts() {
    MYSQL_PWD=$MYSQL_ROOT_PASSWORD mysql --user=root --default-character-set=utf8mb4 <<SQL
CREATE USER 'migrator'@'%' IDENTIFIED BY $(sql_string "$MIGRATOR_PASSWORD");
CREATE USER 'writer'@'%' IDENTIFIED BY $(sql_string "$WRITER_PASSWORD");
CREATE USER 'reader'@'%' IDENTIFIED BY $(sql_string "$READER_PASSWORD");
GRANT ALL ON flarewatch.* TO 'migrator'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON flarewatch.* TO 'writer'@'%';
CREATE DATABASE IF NOT EXISTS flarewatch_credentials CHARACTER SET utf8mb4;
GRANT ALL ON flarewatch_credentials.* TO 'migrator'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON flarewatch_credentials.* TO 'writer'@'%';
GRANT SELECT ON flarewatch.* TO 'reader'@'%';
SQL
}

check_passwords
[[ ${1-} == --check ]] || create_accounts
)
