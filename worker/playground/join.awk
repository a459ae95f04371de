# Joins the page's sources into one file: "@include FILE" becomes the file that stands beside the
# including one. Modules share one scope then, so their imports and exports go.
$1 == "@include" {
  file = directory "/" $2
  while ((status = (getline line < file)) > 0) {
    if (line ~ /^import /) continue
    sub(/^export /, "", line)
    print line
  }
  if (status < 0) {
    print "cannot read " file > "/dev/stderr"
    exit 1
  }
  next
}
{ print }
