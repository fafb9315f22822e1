"""Known vulnerabilities of the installed packages, by pip-audit; part of `make audit`."""

import json
import subprocess
import sys

OURS = "spam-pipe"


def main() -> int:
    """Print findings and what could not be looked up; return 1 where something was found."""
    command = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    try:
        packages = json.loads(ran.stdout)["dependencies"]
    except (ValueError, KeyError):
        reason = (ran.stderr.strip().splitlines() or ["no answer"])[-1][:200]
        print(f"pip-audit: could not ask for known vulnerabilities, is there a network? ({reason})")
        return 0
    others = [package for package in packages if package["name"] != OURS]
    audited = [package for package in others if "skip_reason" not in package]
    found = [(package, vuln) for package in audited for vuln in package["vulns"]]
    for package, vulnerability in found:
        fixed = ", ".join(vulnerability["fix_versions"]) or "no version"
        print(f"{package['name']} {package['version']}: {vulnerability['id']}, fixed in {fixed}")
    print(
        f"pip-audit: {len(found)} known vulnerabilities in {len(audited)} packages; "
        f"{len(others) - len(audited)} could not be looked up"
        + ("" if audited else ": nothing was audited, the index here does not say")
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
