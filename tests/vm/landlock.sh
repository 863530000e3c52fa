# Landlock as the machine's kernel has it: sourced by init, which has sandbox, check and value. Version 2 in Debian's 6.1, if the
# boot parameter lsm= names it; without, the kernel says that it is switched off.

bare=share=user,mount,pid,net,ipc,uts,cgroup,time

landlock_is_on() {
  for entry in preload launch; do
    for user in root user; do
      who="$user, $entry:"
      check "$who landlock: what is not listed cannot be read" EACCES "$(sandbox $user $entry landlock-ro=/sbx -- $probe file list /etc)"
      check "$who landlock: what is listed can" file "$(sandbox $user $entry landlock-ro=/sbx -- $probe file list /sbx/tree)"
      check "$who landlock: it holds without namespaces" EACCES "$(sandbox $user $entry $bare landlock-ro=/sbx -- $probe file list /etc)"
      check "$who landlock: and where nothing else does" "EACCES ok" "$(echo $(sandbox $user $entry $bare landlock-ro=/ -- $probe file create /tmp/made-$user) $(sandbox $user $entry $bare landlock-rw=/tmp -- $probe file create /tmp/made-$user))"
      rm -f /tmp/made-$user
      mkdir /tmp/from /tmp/to && echo x >/tmp/from/file && chmod -R 777 /tmp/from /tmp/to
      check "$who landlock: moves go where both places are listed" "EACCES ok" "$(echo $(sandbox $user $entry $bare landlock-rw=/tmp/from landlock-ro=/tmp/to -- $probe file rename /tmp/from/file /tmp/to/file) $(sandbox $user $entry $bare landlock-rw=/tmp -- $probe file rename /tmp/from/file /tmp/to/file))"
      rm -rf /tmp/from /tmp/to
      for setting in landlock-tcp-bind=80 landlock-tcp-connect=none landlock-scope=signal; do
        out=$(sandbox $user $entry $setting -- $probe report; echo "code $?")
        check "$who landlock: this version cannot hold ${setting%%=*}" "sbx: policy: ${setting%%=*}: *version 2*sbx: hint: Linux 6.*code 125" "$out"
      done
      out=$(sandbox $user $entry landlock-ro=/ status-fd=1 -- $probe exit 0)
      check "$who landlock: what it does not hold is told" '*"landlock":{"abi":2,*"not_held":\["truncate","ioctl_dev","resolve_unix"\]*' "$out"
      # Before version 3 nothing holds this; the page says so.
      echo text >/tmp/text && chmod 666 /tmp/text
      check "$who landlock: a file can be emptied" ok "$(sandbox $user $entry $bare landlock-ro=/ -- $probe file truncate /tmp/text)"
      rm -f /tmp/text
    done
  done
}

landlock_is_off() {
  for entry in preload launch; do
    for user in root user; do
      who="$user, $entry:"
      for setting in landlock-ro=/ landlock-rw=none landlock-tcp-bind=80 landlock-scope=signal; do
        out=$(sandbox $user $entry $setting -- $probe report; echo "code $?")
        check "$who no landlock: ${setting%%=*} is refused" "sbx: policy: ${setting%%=*}: Landlock is switched off*(EOPNOTSUPP)*sbx: hint: *lsm=*code 125" "$out"
      done
      report=$(sandbox $user $entry $bare init=true rlimit=nofile=16 -- $probe report)
      check "$who no landlock: the rest holds without namespaces" "1 2 0000000000000000" "$(value no_new_privs) $(value seccomp) $(value status.CapEff)"
      out=$(sandbox $user $entry $bare init=true -- /sbx/probe deaf-orphan 1 >/dev/null; echo "code $?")
      check "$who no landlock: the reaper ends with the program" "code 0" "$out"
    done
  done
}

# A user on a machine without user namespaces is shown the way.
landlock_instead() {
  for entry in preload launch; do
    who="user, $entry:"
    check "$who no user namespaces: the hint names what can be done" "*sbx: hint: *--share user,*docs/landlock.md*" "$(sandbox user $entry -- $probe report)"
    case $(cat /sys/kernel/security/lsm) in
      *landlock*) check "$who no user namespaces: files are held without" EACCES "$(sandbox user $entry $bare landlock-ro=/sbx -- $probe file list /etc)" ;;
    esac
  done
}

landlock_questions() {
  mount -t securityfs none /sys/kernel/security 2>/dev/null
  case $(cat /sys/kernel/security/lsm) in
    *landlock*) landlock_is_on ;;
    *) landlock_is_off ;;
  esac
  echo 0 >/proc/sys/user/max_user_namespaces
  landlock_instead
  echo 10000 >/proc/sys/user/max_user_namespaces
}
