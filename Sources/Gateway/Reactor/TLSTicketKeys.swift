import COpenSSL
import Synchronization

/// The keys that session tickets are sealed with (RFC 8446 §4.6.1, RFC 5077 §4), new ones from time to time: whoever
/// steals a key reads the resumption secrets of few hours.
///
/// Time is an argument, in monotonic nanoseconds.
struct TicketKeyRing: Sendable {
    struct Key: Sendable, Equatable {
        static let nameBytes = 16
        static let secretBytes = 32

        let name: [UInt8]
        /// AES-256-CBC.
        let cipherKey: [UInt8]
        /// HMAC-SHA-256.
        let macKey: [UInt8]
        let createdAt: UInt64

        init(now: UInt64, random: (Int) -> [UInt8]) {
            name = random(Self.nameBytes)
            cipherKey = random(Self.secretBytes)
            macKey = random(Self.secretBytes)
            createdAt = now
        }
    }

    /// How long a key seals tickets.
    static let sealingNanoseconds: UInt64 = 3_600_000_000_000
    /// How many keys open tickets, the sealing one included: a ticket is good for two hours (OpenSSL's session timeout).
    static let keptKeys = 3

    /// The newest first.
    private var keys: [Key] = []

    /// The key to seal with at `now`.
    mutating func sealingKey(now: UInt64, random: (Int) -> [UInt8]) -> Key {
        if let newest = keys.first, now &- newest.createdAt < Self.sealingNanoseconds { return newest }
        let made = Key(now: now, random: random)
        keys.insert(made, at: 0)
        if keys.count > Self.keptKeys { keys.removeLast() }
        return made
    }

    /// The key of this name, if it still opens tickets, and whether it is too old to seal: then the client gets a new ticket.
    func openingKey(name: UnsafeBufferPointer<UInt8>, now: UInt64) -> (key: Key, isOld: Bool)? {
        for key in keys where key.name.elementsEqual(name) {
            let age = now &- key.createdAt
            guard age < Self.sealingNanoseconds * UInt64(Self.keptKeys) else { return nil }
            return (key, age >= Self.sealingNanoseconds)
        }
        return nil
    }
}

/// The ticket keys of a listener: the same for all workers, so that a client resumes wherever the kernel puts it, and for
/// the same certificate after a reload of the configuration.
final class TLSTicketKeys: Sendable {
    private static let known = Mutex<[[UInt8]: TLSTicketKeys]>([:])
    /// Certificates whose keys are remembered; with more of them, all are forgotten and clients shake hands in full once.
    private static let knownLimit = 1024

    private let ring = Mutex(TicketKeyRing())

    /// The keys that go with a certificate, given as its PEM text.
    static func of(certificate: [UInt8]) -> TLSTicketKeys {
        known.withLock { known in
            if let keys = known[certificate] { return keys }
            if known.count >= knownLimit { known = [:] }
            let keys = TLSTicketKeys()
            known[certificate] = keys
            return keys
        }
    }

    /// Has `context` seal and open its tickets with these keys, which must outlive it.
    func use(in context: OpaquePointer) -> Bool {
        SSL_CTX_set_ex_data(context, 0, Unmanaged.passUnretained(self).toOpaque()) == 1
            && SSL_CTX_set_tlsext_ticket_key_evp_cb(context, sealOrOpen) == 1
    }

    /// - Returns: what OpenSSL asks of the callback: 1 done, 0 no such key, 2 opened and to be renewed, -1 failed.
    fileprivate func seal(
        _ name: UnsafeMutablePointer<UInt8>, _ vector: UnsafeMutablePointer<UInt8>, _ cipher: OpaquePointer?,
        _ mac: OpaquePointer?
    ) -> Int32 {
        let now = Syscalls.monotonicNanoseconds()
        let key = ring.withLock { $0.sealingKey(now: now, random: Self.random) }
        name.update(from: key.name, count: key.name.count)
        guard RAND_bytes(vector, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) == 1,
            EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), nil, key.cipherKey, vector) == 1
        else { return -1 }
        return gatehouse_mac_use_sha256(mac, key.macKey, key.macKey.count) == 1 ? 1 : -1
    }

    fileprivate func open(
        _ name: UnsafeMutablePointer<UInt8>, _ vector: UnsafeMutablePointer<UInt8>, _ cipher: OpaquePointer?,
        _ mac: OpaquePointer?
    ) -> Int32 {
        let now = Syscalls.monotonicNanoseconds()
        let wanted = UnsafeBufferPointer(start: UnsafePointer(name), count: TicketKeyRing.Key.nameBytes)
        guard let (key, isOld) = ring.withLock({ $0.openingKey(name: wanted, now: now) }) else { return 0 }
        guard gatehouse_mac_use_sha256(mac, key.macKey, key.macKey.count) == 1,
            EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), nil, key.cipherKey, vector) == 1
        else { return -1 }
        return isOld ? 2 : 1
    }

    private static func random(_ count: Int) -> [UInt8] {
        var system = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &system) }
    }
}

/// `SSL_CTX_set_tlsext_ticket_key_evp_cb(3)`.
private let sealOrOpen:
    @convention(c) (
        OpaquePointer?, UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<UInt8>?, OpaquePointer?, OpaquePointer?,
        Int32
    ) -> Int32 = { ssl, name, vector, cipher, mac, isSealing in
        guard let ssl, let name, let vector, let keys = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), 0) else { return -1 }
        // The context's owner holds the keys, and the session holds the owner.
        let owner = Unmanaged<TLSTicketKeys>.fromOpaque(keys).takeUnretainedValue()
        return isSealing == 1 ? owner.seal(name, vector, cipher, mac) : owner.open(name, vector, cipher, mac)
    }
