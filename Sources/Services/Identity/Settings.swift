import Foundation
public import ServiceKit

/// The settings that only identity has.
public struct IdentitySettings: SettingsGroup {
    private static let longestAccessTokenLifetime = Duration.seconds(3_600)
    private static let accessLifetime = Setting(
        "accessToken.lifetime", .duration(.seconds(10)...longestAccessTokenLifetime),
        "How long an access token is good.", default: "10m")
    private static let refreshLifetime = Setting(
        "refreshToken.lifetime", .duration(.seconds(10)...(.seconds(365 * 86_400))),
        "How long after a sign-in its tokens can be refreshed.", default: "30d")
    private static let algorithm = Setting<SigningAlgorithm>(
        "signing.algorithm", .choice, "What new signing keys are for.", default: "ES256")
    private static let sealKeyFile = Setting.optional(
        "signing.sealKeyFile", .path,
        "The key that seals private signing keys in the database: 32 bytes in base64. Needed by serve and keys.")
    private static let keyFile = Setting.optional(
        "signing.keyFile", .path, "A private key in PEM for signing.algorithm, to be imported and used next.")
    private static let rotation = Setting(
        "signing.rotation", .duration(.seconds(600)...(.seconds(3_650 * 86_400))),
        "How long a signing key is used before the next one is made.", default: "30d")
    /// At least so long that every replica publishes a new key (within ten seconds) and whoever verifies tokens has fetched
    /// it (within half of this time) before it signs.
    private static let publishAhead = Setting(
        "signing.publishAhead", .duration(.seconds(30)...(.seconds(86_400))),
        "How long a new signing key is published before it signs.", default: "5m")
    private static let scopes = Setting(
        "account.scopes",
        SettingKind(expected: "scopes, separated by spaces") { Grants.words($0) },
        "The scopes of a new account.", default: "warehouse:read accounting:read sales:read")
    private static let messagesLog = Setting<MessageLog>(
        "messages.log", .choice, "Whether messages to people, with their tokens, go to the log: for development.",
        default: "off")
    private static let messagesFile = Setting.optional(
        "messages.file", .path, "Messages to people are appended to it, a JSON object a line: for development.")
    private static let memory = Setting(
        "password.memory", .integer(Argon2Parameters.memoryRange), "The memory of one Argon2id computation, in KiB.",
        default: "19456")
    private static let passes = Setting(
        "password.passes", .integer(Argon2Parameters.passesRange), "The passes of Argon2id over its memory.",
        default: "2")
    private static let lanes = Setting(
        "password.lanes", .integer(Argon2Parameters.lanesRange), "The lanes of Argon2id.", default: "1")
    private static let threads = Setting(
        "password.threads", .integer(1...64), "How many passwords are hashed at a time.", default: "2")
    private static let queueLimit = Setting(
        "password.queueLimit", .integer(0...10_000), "How many passwords wait to be hashed; beyond, 503.",
        default: "64")
    private static let accountAttempts = Setting(
        "throttle.account", .integer(1...1_000_000), "How many failed sign-ins an account has in a window.",
        default: "10")
    private static let addressAttempts = Setting(
        "throttle.address", .integer(1...1_000_000),
        "How many failed sign-ins, registrations or messages an address (IPv6: a /64) has in a window.",
        default: "100")
    private static let window = Setting(
        "throttle.window", .duration(.seconds(1)...(.seconds(86_400))), "The window in which attempts are counted.",
        default: "15m")
    private static let publicURL = Setting.optional(
        "public.url", .httpURL, "Where clients reach identity, for the discovery document; the issuer by default.")

    public static var all: [any AnySetting] {
        [
            accessLifetime, refreshLifetime, algorithm, sealKeyFile, keyFile, rotation, publishAhead, scopes,
            messagesLog, messagesFile, memory, passes, lanes, threads, queueLimit, accountAttempts, addressAttempts,
            window,
            publicURL,
        ]
    }

    let accessTokenLifetime: Duration
    let refreshTokenLifetime: Duration
    let signingAlgorithm: SigningAlgorithm
    let signingSealKeyFile: String?
    let signingKeyFile: String?
    let schedule: KeySchedule
    let accountScopes: [String]
    let messageLog: MessageLog
    let messagesFilePath: String?
    let argon2: Argon2Parameters
    let hashingThreads: Int
    let hashingQueueLimit: Int
    let throttle: ThrottleLimits
    let publicAddress: String?

    public init(_ values: SettingsValues) {
        accessTokenLifetime = values[Self.accessLifetime]
        refreshTokenLifetime = values[Self.refreshLifetime]
        signingAlgorithm = values[Self.algorithm]
        signingSealKeyFile = values[Self.sealKeyFile]
        signingKeyFile = values[Self.keyFile]
        schedule = KeySchedule(
            rotation: values[Self.rotation], publishAhead: values[Self.publishAhead],
            // Whatever other replicas are set to while the setting changes.
            overlap: Self.longestAccessTokenLifetime + TokenMint.clockMargin)
        accountScopes = values[Self.scopes]
        messageLog = values[Self.messagesLog]
        messagesFilePath = values[Self.messagesFile]
        argon2 = Argon2Parameters(
            memoryKibibytes: values[Self.memory], passes: values[Self.passes], lanes: values[Self.lanes])
        hashingThreads = values[Self.threads]
        hashingQueueLimit = values[Self.queueLimit]
        throttle = ThrottleLimits(
            account: values[Self.accountAttempts], address: values[Self.addressAttempts], window: values[Self.window])
        publicAddress = values[Self.publicURL]
    }
}
