"""The runbook's commands, run as printed against the stack on the emulator."""

import re
import subprocess

from stack import ROOT

# Words for the reader to fill in: a command with one of them is not run.
FILL_IN = re.compile(r"\b(TIME|OLD|TAG|URL|VKEY|REQUEST|VERSION|TENANT)\b")
# The command line of version 1 stands on PyPI: it knows one option less, and not where the emulator's queues are.
VERSION_1 = """
aws() {
  local words=() word skip=
  for word in "$@"; do
    if [[ $skip ]]; then skip=; elif [[ $word == --cli-binary-format ]]; then skip=1; else words+=("$word"); fi
  done
  command aws --endpoint-url "$AWS_ENDPOINT_URL" "${words[@]}"
}
"""


def check(stack):
    """Runs each, and fails with every one that fails; gives how many ran."""
    text = (ROOT / "docs/runbook.md").read_text()
    (prelude,) = re.findall(r"```\n(.*?)```", text, re.DOTALL)
    commands = {re.sub(r"\s+", " ", one) for one in re.findall(r"`((?:aws|eval) [^`]+)`", text.replace(prelude, ""))}
    emulator = VERSION_1 if "AWS_ENDPOINT_URL" in stack.environment else ""
    prelude = emulator + prelude.replace("STACK=approvals\n", f"STACK={stack.name}\n")
    run, faults = 0, []
    for command in sorted(one for one in commands if not FILL_IN.search(one)):
        script = f"{prelude}\n{command}"
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], env=stack.environment, cwd=ROOT, capture_output=True, text=True)
        run += 1
        if done.returncode != 0:
            faults.append(f"{command}\n    {(done.stderr or done.stdout).strip()[-500:]}")
    if faults:
        raise SystemExit("docs/runbook.md has commands that do not run:\n  " + "\n  ".join(faults))
    return run
