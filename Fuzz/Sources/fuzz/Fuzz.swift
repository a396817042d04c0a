import CFuzzer
import Glibc

/// Runs libFuzzer with its own arguments; `GATEHOUSE_FUZZ` names the target.
@main enum Fuzz {
    static func main() {
        var count = CommandLine.argc
        var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
        let status = LLVMFuzzerRunDriver(&count, &arguments) { bytes, count in
            check(Array(UnsafeBufferPointer(start: bytes, count: count)))
            return 0
        }
        exit(status)
    }
}

/// Ends the process when an input has a property that it must not have.
typealias Check = @Sendable ([UInt8]) -> Void

private let checks: [String: Check] = [
    "request": checkRequest, "response": checkResponse, "chunked": checkChunked, "target": checkTarget,
    "authority": checkAuthority, "headers": checkHeaders, "http2-server": checkHTTP2Server,
    "http2-client": checkHTTP2Client, "proxy": checkProxy, "hpack": checkHPACK,
]

private let check: Check = {
    let name = getenv("GATEHOUSE_FUZZ").map { String(cString: $0) } ?? ""
    guard let check = checks[name] else { preconditionFailure("GATEHOUSE_FUZZ is one of \(checks.keys.sorted())") }
    return check
}()

/// Where to cut an input in two or three: taken from the input itself, so that a finding can be repeated.
func pieces(of input: [UInt8]) -> (bytes: [UInt8], ends: [Int]) {
    guard input.count >= 2 else { return (input, [input.count]) }
    let bytes = Array(input[2...])
    let first = Int(input[0]) * (bytes.count + 1) / 256
    let second = Int(input[1]) * (bytes.count + 1) / 256
    return (bytes, [min(first, second), max(first, second), bytes.count])
}
