import Dispatch
import Glibc
import Synchronization

/// Looks up the addresses of names, off every event loop and with a deadline.
struct NameResolver: Sendable {
    /// How long one name may take. getaddrinfo itself cannot be interrupted: a late answer is thrown away.
    static let deadlineSeconds = 5

    /// The numeric addresses of `host`, in the order of the system's resolver, without duplicates.
    ///
    /// - Throws: `NameResolutionError` when the name has no address, or the deadline passed.
    func addresses(of host: String) async throws(NameResolutionError) -> [String] {
        let result: Result<[String], NameResolutionError> = await withCheckedContinuation { continuation in
            let answer = Answer(continuation)
            DispatchQueue.global().async { answer.give(Self.lookUp(host)) }
            DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(Self.deadlineSeconds)) {
                answer.give(
                    .failure(NameResolutionError(host: host, reason: "no answer within \(Self.deadlineSeconds) s")))
            }
        }
        return try result.get()
    }

    /// A continuation that is resumed by whoever comes first.
    private final class Answer: Sendable {
        private let waiting: Mutex<CheckedContinuation<Result<[String], NameResolutionError>, Never>?>

        init(_ continuation: CheckedContinuation<Result<[String], NameResolutionError>, Never>) {
            waiting = Mutex(continuation)
        }

        func give(_ result: Result<[String], NameResolutionError>) {
            waiting.withLock { $0.take() }?.resume(returning: result)
        }
    }

    private static func lookUp(_ host: String) -> Result<[String], NameResolutionError> {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        // lint: allow(unsafe): the list that getaddrinfo allocates; it does not leave this function
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, nil, &hints, &list)
        guard code == 0 else {
            return .failure(NameResolutionError(host: host, reason: String(cString: gai_strerror(code))))
        }
        defer { freeaddrinfo(list) }
        var addresses: [String] = []
        var entry = list
        while let current = entry {
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let length = socklen_t(text.count)
            if getnameinfo(current.pointee.ai_addr, current.pointee.ai_addrlen, &text, length, nil, 0, NI_NUMERICHOST)
                == 0
            {
                let address = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
                if !addresses.contains(address) { addresses.append(address) }
            }
            entry = current.pointee.ai_next
        }
        return .success(addresses)
    }
}

/// A name that has no address now.
struct NameResolutionError: Error, CustomStringConvertible {
    let host: String
    let reason: String

    var description: String { "\(host): \(reason)" }
}
