# shellcheck shell=sh
# Landlock as the machine's kernel has it: version 2 in Linux 6.1, version 6 in 6.12; or switched off by lsm=.
# What is there where no user namespace can be made: landlock_instead.

bare=share=user,mount,pid,net,ipc,uts,cgroup,time

landlock_questions() {
  check "$who landlock: what is not listed cannot be read" EACCES "$(sandbox "$@" landlock-ro=/sbx -- $probe file list /etc)"
  check "$who landlock: what is listed can" file "$(sandbox "$@" landlock-ro=/sbx -- $probe file list /sbx/tree)"
  without_namespaces "$@"
  moved "landlock-rw=/tmp/from landlock-ro=/tmp/to" EACCES "$@"
  moved landlock-rw=/tmp ok "$@"
  status=$(sandbox "$@" landlock-ro=/ status-fd=1 -- $probe exit 0)
  version=$(echo "$status" | sed -n 's/.*"landlock":{"abi":\([0-9]*\),.*/\1/p')
  echo text >/tmp/text && chmod 666 /tmp/text
  emptied=$(sandbox "$@" $bare landlock-ro=/ -- $probe file truncate /tmp/text)
  rm -f /tmp/text
  case $version in
    2)
      check "$who landlock: what it does not hold is told" '*"not_held":\["truncate","ioctl_dev","resolve_unix"\]*' "$status"
      # As docs/landlock.md says.
      check "$who landlock: nothing keeps a file from being emptied" ok "$emptied"
      for setting in landlock-tcp-bind=80 landlock-tcp-connect=none landlock-scope=signal; do
        out=$(sandbox "$@" $setting -- $probe report; echo "code $?")
        check "$who landlock: this version cannot hold ${setting%%=*}" "sbx: policy: ${setting%%=*}: *version 2*sbx: hint: Linux 6.*code 125" "$out"
      done
      ;;
    6)
      check "$who landlock: what it does not hold is told" '*"not_held":\["resolve_unix"\]*' "$status"
      check "$who landlock: a file cannot be emptied" EACCES "$emptied"
      check "$who landlock: ports" "EACCES ok" "$(echo $(sandbox "$@" landlock-tcp-bind=none -- $probe net bind 127.0.0.1:80 ; sandbox "$@" landlock-tcp-bind=8000 -- $probe net bind 127.0.0.1:8000))"
      check "$who landlock: signals" "EPERM ok" "$(echo $(sandbox "$@" init=true landlock-scope=signal -- $probe kill 1 0; sandbox "$@" init=true -- $probe kill 1 0))"
      out=$(sandbox "$@" $bare init=true landlock-scope=signal time-limit=3s -- $probe deaf-orphan 60000; echo "code $?")
      check "$who landlock: a time limit without namespaces" "*orphan*code 124" "$out"
      ;;
    *) check "$who landlock: a version these questions know" "2 or 6" "$version" ;;
  esac
}

moved() {
  settings=$1 expected=$2
  shift 2
  mkdir /tmp/from /tmp/to && echo x >/tmp/from/file && chmod -R 777 /tmp/from /tmp/to
  # shellcheck disable=SC2086
  check "$who landlock: a move under $settings" "$expected" "$(sandbox "$@" $bare $settings -- $probe file rename /tmp/from/file /tmp/to/file)"
  rm -rf /tmp/from /tmp/to
}

# Where nothing else does.
without_namespaces() {
  check "$who without namespaces: what is not listed cannot be read" EACCES "$(sandbox "$@" $bare landlock-ro=/sbx -- $probe file list /etc)"
  check "$who without namespaces: what is listed to be read cannot be written" EACCES "$(sandbox "$@" $bare landlock-ro=/ -- $probe file create /tmp/made)"
  check "$who without namespaces: what is listed can" ok "$(sandbox "$@" $bare landlock-rw=/tmp -- $probe file create /tmp/made)"
  rm -f /tmp/made
}

no_landlock_questions() {
  for setting in landlock-ro=/ landlock-rw=none landlock-tcp-bind=80 landlock-scope=signal; do
    out=$(sandbox "$@" $setting -- $probe report; echo "code $?")
    check "$who no landlock: ${setting%%=*} is refused" "sbx: policy: ${setting%%=*}: Landlock is switched off*(EOPNOTSUPP)*sbx: hint: *lsm=*code 125" "$out"
  done
  report=$(sandbox "$@" $bare init=true rlimit=nofile=16 -- $probe report)
  check "$who no landlock: the rest holds without namespaces" "1 2 0000000000000000" "$(value no_new_privs) $(value seccomp) $(value status.CapEff)"
  out=$(sandbox "$@" $bare init=true -- /sbx/probe exit 7 >/dev/null; echo "code $?")
  check "$who no landlock: the exit code is the program's" "code 7" "$out"
}

landlock_instead_questions() {
  check "$who no user namespaces: the hint names what can be done" "*sbx: hint: *--share user,*docs/landlock.md*" "$(sandbox "$@" -- $probe report)"
  without_namespaces "$@"
}
