# Outlives the harness by a moment: knows the process groups it started, and when the pipe from it closes (it ended,
# was killed, or was cut off) kills those that are left and removes the run directory $1.
trap '' INT TERM HUP
groups=" "
while read -r word pid; do
  case $word in
    started) groups="$groups$pid " ;;
    ended)
      kept=" "
      for g in $groups; do [ "$g" = "$pid" ] || kept="$kept$g "; done
      groups=$kept ;;
  esac
done
for g in $groups; do kill -9 "-$g" 2>/dev/null; done
for _ in 1 2 3 4 5 6 7 8 9 10; do
  rm -rf "$1" 2>/dev/null
  [ -e "$1" ] || break
  sleep 0.2
done
