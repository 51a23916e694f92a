#!/bin/sh
# A host with the files of examples/bastion, the users oncall and mallory (an engineer), and a program that tells how it was run. In a mount
# namespace (unshare -m), so that nothing of it is left. Prints what each of mallory's tries came to. usage: bastion.sh ROOT FOLDER [probe]
set -eu
examples="$1/examples/bastion"
top=$2
mount -t tmpfs tmpfs "$top"
chmod 755 "$top"
for at in /etc /usr/bin /usr/local/bin; do
  mkdir -p "$top/up$at" "$top/work$at"
  mount -t overlay overlay -o "lowerdir=$at,upperdir=$top/up$at,workdir=$top/work$at" "$at"
done
[ "${3:-}" != probe ] || exit 0

user() { # name, id, group, further groups
  echo "$1:x:$2:$3::$4:/bin/sh" >> /etc/passwd
  echo "$1:*:19000:0:99999:7:::" >> /etc/shadow
}
printf 'oncall:x:4200:\nengineers:x:4300:mallory\nmallory:x:4201:\nmaria:x:4202:\noutsider:x:4203:\n' >> /etc/group
user oncall 4200 4200 /var/lib/oncall
for name in mallory:4201 maria:4202 outsider:4203; do
  user "${name%:*}" "${name#*:}" "${name#*:}" "$top/${name%:*}"
  mkdir "$top/${name%:*}"
done
cat > /usr/bin/oncall << 'PROGRAM'
#!/bin/sh
echo ran
printf '[%s]\n' "$@"
echo "$(id -un) $(umask) $(pwd)"
env
PROGRAM
chmod 755 /usr/bin/oncall
install -m 0755 -o root -g root "$examples/oncall" /usr/local/bin/oncall
# What else this host's administrator has allowed must not count for the rule.
cat > /etc/sudoers << 'RULES'
Defaults setenv, !env_reset, env_keep += "HOME NODE_OPTIONS ONCALL_POLICY HTTPS_PROXY"
root ALL = (ALL:ALL) ALL
@includedir /etc/sudoers.d
RULES
rm -rf /etc/sudoers.d && mkdir -m 0755 /etc/sudoers.d
install -m 0440 -o root -g root "$examples/oncall.sudoers" /etc/sudoers.d/oncall

home="$top/mallory"
as() { # user, name of the try, command …
  who=$1
  echo "== $2"
  shift 2
  status=0
  runuser -u "$who" -- env -i PATH=/usr/local/bin:/usr/bin:/bin TERM=xterm HOME="$top/$who" "$@" < /dev/null 2>&1 || status=$?
  echo "exit $status"
}
echo
as mallory plain oncall request db-admin --reason 'a b'
as mallory hostile env "ONCALL_POLICY=$home/mine.yaml" ONCALL_USER=maria@example.com ONCALL_BROKER=http://127.0.0.1:1 ONCALL_CLIENT_SECRET=x \
  "HOME=$home" "XDG_CONFIG_HOME=$home" "XDG_STATE_HOME=$home" "XDG_CACHE_HOME=$home" "NODE_OPTIONS=--require $home/mine.js" \
  "NODE_EXTRA_CA_CERTS=$home/ca.pem" NODE_TLS_REJECT_UNAUTHORIZED=0 HTTPS_PROXY=http://127.0.0.1:1 AWS_PROFILE=mine "ENV=$home/rc" \
  "BASH_ENV=$home/rc" "LD_LIBRARY_PATH=$home/lib" SUDO_UID=4202 SUDO_USER=maria \
  sh -c 'umask 0; cd; exec oncall request db-admin --reason "a b"'
as mallory variable sudo -n -u oncall "ONCALL_POLICY=$home/mine.yaml" /usr/local/bin/oncall status
as mallory node-options sudo -n -u oncall "NODE_OPTIONS=--require $home/mine.js" /usr/local/bin/oncall status
as mallory keep-all sudo -n -E -u oncall /usr/local/bin/oncall status
as mallory program sudo -n -u oncall /usr/bin/oncall --policy /etc/oncall/oncall.yaml status
as mallory shell sudo -n -u oncall /bin/sh -c 'echo ran'
as mallory root sudo -n /usr/local/bin/oncall status
as mallory colleague sudo -n -u maria /usr/local/bin/oncall status
as mallory folder sudo -n -D "$home" -u oncall /usr/local/bin/oncall status
as outsider outsider sudo -n -u oncall /usr/local/bin/oncall status
as mallory serve oncall serve --listen 127.0.0.1:0
as mallory behind oncall --json serve --listen 127.0.0.1:0
as mallory init oncall init --directory okta --okta-url http://127.0.0.1:1 --okta-token file:/etc/oncall/credentials/okta-token
as mallory copy oncall ledger copy --dry-run --to "$home/next.yaml"
as mallory recover oncall ledger recover --keep-all --yes
as mallory policy-test oncall policy test /etc/oncall/credentials/okta-token
