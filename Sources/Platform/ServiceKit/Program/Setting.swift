/// One documented setting of a service.
///
/// The key `token.keySetFile` is the environment variable `TOKEN_KEY_SET_FILE` and, in a YAML file, `keySetFile` under
/// `token`; the environment wins. An empty value counts as absent. A secret may also be given as a file: with
/// `POSTGRES_PASSWORD_FILE` the password is the file's first line.
public struct Setting<Value: Sendable>: Sendable {
    /// Dotted, each part in camel case.
    public let key: String
    let summary: String
    let expected: String
    /// As it would be written; nil without one.
    let defaultText: String?
    let isSecret: Bool
    let isRequired: Bool
    let absent: Value?
    let parse: @Sendable (String) -> Value?

    /// A setting with a default.
    ///
    /// - Parameter text: The default as it would be written; must be a value of the kind.
    public init(_ key: String, _ kind: SettingKind<Value>, _ summary: String, default text: String) {
        guard let value = kind.parse(text) else { preconditionFailure("\(text) is not a default for \(key)") }
        self.init(key, kind, summary, defaultText: text, isSecret: false, isRequired: false, absent: value)
    }

    /// A setting that must be given.
    public static func required(
        _ key: String, _ kind: SettingKind<Value>, _ summary: String, isSecret: Bool = false
    ) -> Setting {
        Setting(key, kind, summary, defaultText: nil, isSecret: isSecret, isRequired: true, absent: nil)
    }

    /// A setting that may be absent and then is nil.
    public static func optional<Wrapped>(
        _ key: String, _ kind: SettingKind<Wrapped>, _ summary: String, isSecret: Bool = false
    ) -> Setting where Value == Wrapped? {
        let kind = SettingKind<Wrapped?>(expected: kind.expected) { text in kind.parse(text).map { .some($0) } }
        return Setting(
            key, kind, summary, defaultText: nil, isSecret: isSecret, isRequired: false, absent: .some(nil))
    }

    private init(
        _ key: String, _ kind: SettingKind<Value>, _ summary: String, defaultText: String?, isSecret: Bool,
        isRequired: Bool, absent: Value?
    ) {
        self.key = key
        self.summary = summary
        self.defaultText = defaultText
        self.isSecret = isSecret
        self.isRequired = isRequired
        self.absent = absent
        expected = kind.expected
        parse = kind.parse
    }
}

/// What values a setting takes.
public struct SettingKind<Value: Sendable>: Sendable {
    /// For messages and help: `a port, 1…65535`.
    let expected: String
    let parse: @Sendable (String) -> Value?

    /// - Parameter parse: nil for a text that is no value.
    public init(expected: String, parse: @escaping @Sendable (String) -> Value?) {
        self.expected = expected
        self.parse = parse
    }
}

extension SettingKind where Value == String {
    /// Any text.
    public static var text: SettingKind { SettingKind(expected: "text") { $0 } }
    /// A path in the file system.
    public static var path: SettingKind { SettingKind(expected: "a path") { $0 } }
    /// `http://host[:port]` without path, query or user.
    public static var httpURL: SettingKind {
        SettingKind(expected: "an http or https URL without a path") { text in
            let url = text.hasSuffix("/") ? String(text.dropLast()) : text
            let schemes = ["http://", "https://"]
            guard let scheme = schemes.first(where: url.hasPrefix), url.count > scheme.count,
                url.dropFirst(scheme.count).allSatisfy({ !"/?#@ ".contains($0) && $0.isASCII })
            else { return nil }
            return url
        }
    }
    /// `http://host[:port]/path`, without fragment or user.
    public static var httpResource: SettingKind {
        SettingKind(expected: "an http or https URL") { text in
            guard let scheme = ["http://", "https://"].first(where: text.hasPrefix) else { return nil }
            let authority = text.dropFirst(scheme.count).prefix { $0 != "/" && $0 != "?" }
            let isPlain = text.unicodeScalars.allSatisfy { $0.isASCII && $0.value > 0x20 && $0 != "#" }
            return !authority.isEmpty && !authority.contains("@") && isPlain ? text : nil
        }
    }
}

extension SettingKind where Value == Int {
    /// A whole number in `range`.
    public static func integer(_ range: ClosedRange<Int>) -> SettingKind {
        SettingKind(expected: "a whole number, \(range.lowerBound)…\(range.upperBound)") { text in
            Int(text).flatMap { range.contains($0) ? $0 : nil }
        }
    }

    /// A TCP port; 0 lets the system choose one.
    public static var port: SettingKind { .integer(0...65_535) }
}

extension SettingKind where Value == Duration {
    /// A time such as `1500ms`, `2s`, `5m`, `12h` or `30d` in `range`.
    public static func duration(_ range: ClosedRange<Duration>) -> SettingKind {
        SettingKind(expected: "a time such as 1500ms, 2s, 5m, 12h or 30d, \(range.lowerBound)…\(range.upperBound)") {
            text in
            let units: [(String, (Int) -> Duration)] = [
                ("ms", { .milliseconds($0) }), ("s", { .seconds($0) }), ("m", { .seconds($0 * 60) }),
                ("h", { .seconds($0 * 3_600) }), ("d", { .seconds($0 * 86_400) }),
            ]
            for (suffix, unit) in units where text.hasSuffix(suffix) {
                guard let count = Int(text.dropLast(suffix.count)), 0...1_000_000_000 ~= count else { return nil }
                let duration = unit(count)
                return range.contains(duration) ? duration : nil
            }
            return nil
        }
    }
}

extension SettingKind where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
    /// One of the cases by its raw value.
    public static var choice: SettingKind {
        SettingKind(expected: "one of " + Value.allCases.map(\.rawValue).joined(separator: ", ")) {
            Value(rawValue: $0)
        }
    }
}

/// A ``Setting`` of any type.
public protocol AnySetting: Sendable {
    var key: String { get }
    /// Key, expected value, default and summary, for `--help`.
    var help: String { get }
    var allowsFile: Bool { get }
    /// - Parameter text: nil when the setting is absent.
    /// - Throws: ``SettingsError`` naming the key, never the value of a secret.
    func readAny(_ text: String?) throws(SettingsError) -> any Sendable
}

extension Setting: AnySetting {
    public var help: String {
        let fallback = defaultText.map { ", default \($0)" } ?? (isRequired ? ", required" : "")
        let variable = SettingName.variable(key) + (isSecret ? " (or \(SettingName.variable(key))_FILE)" : "")
        return "\(variable): \(summary) \(expected.prefix(1).uppercased() + expected.dropFirst())\(fallback)."
    }

    public var allowsFile: Bool { isSecret }

    public func readAny(_ text: String?) throws(SettingsError) -> any Sendable {
        let variable = SettingName.variable(key)
        guard let text else {
            guard let absent else { throw SettingsError(["\(variable) is required: \(summary)"]) }
            return absent
        }
        guard let value = parse(text) else {
            throw SettingsError(["\(variable) must be \(expected)" + (isSecret ? "" : ", not “\(text)”")])
        }
        return value
    }
}

enum SettingName {
    /// `token.keySetFile` → `TOKEN_KEY_SET_FILE`, as swift-configuration's environment provider does it.
    static func variable(_ key: String) -> String {
        key.reduce(into: "") { name, character in
            if character == "." {
                name += "_"
            } else {
                if character.isUppercase { name += "_" }
                name += character.uppercased()
            }
        }
    }
}
