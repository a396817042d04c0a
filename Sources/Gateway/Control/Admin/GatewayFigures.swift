import Foundation
import Glibc
import Proxy

/// Everything that the metrics page tells, read at one moment.
struct GatewayFigures: Sendable {
    var gateway = GatewayStatistics()
    var endpoints: [EndpointStatistics] = []
    var verificationsWaiting = 0
    /// By what came of it: "accepted" or the refusal's name.
    var verificationResults: [String: UInt64] = [:]
    var keySets: [RemoteKeySet.Figures] = []
    var revocations: [RevocationFeed.Figures] = []
    var memory = ProcessMemory()
}

/// What the process takes of the machine.
struct ProcessMemory: Sendable {
    var residentBytes: UInt64 = 0
    var openDescriptors: UInt64 = 0

    /// Of this process, as Linux tells it; zero where it does not.
    static var now: ProcessMemory {
        var found = ProcessMemory()
        // The second number of statm is the resident pages (proc(5)).
        if let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) {
            let pages = text.split(separator: " ").dropFirst().first.flatMap { UInt64($0) } ?? 0
            found.residentBytes = pages * UInt64(sysconf(Int32(_SC_PAGESIZE)))
        }
        let descriptors = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")  // gone: not Linux
        found.openDescriptors = UInt64(descriptors?.count ?? 0)
        return found
    }
}
