# shellcheck shell=bash
# The gateway's rooms alone, without Hummingbird and all that it brings: for builds that would take too long with it.

# shellcheck source=common.sh
source "${BASH_SOURCE[0]%/*}/common.sh"

# make_gateway_package DIRECTORY: the package of the data plane and its tests, with the sources linked into it.
make_gateway_package() {
    mkdir -p "$1"
    ln -sfn "$repository/Sources" "$1/Sources"
    ln -sfn "$repository/Tests" "$1/Tests"
    {
        cat "$repository/Package.swift"
        cat <<'SWIFT'

let dataPlaneRooms: Set<String> = ["Policy", "Proxy", "Reactor", "Routing", "Wire"]
let kept = dataPlaneRooms.union(dataPlaneRooms.map { "\($0)Tests" }).union(["CLinux", "CNghttp2", "COpenSSL", "GatewayTestSupport"])
package.targets.removeAll { !kept.contains($0.name) }
package.products = []
package.dependencies = []
SWIFT
    } >"$1/Package.swift"
}
