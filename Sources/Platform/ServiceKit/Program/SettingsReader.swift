import Configuration
import Foundation
import Yams

/// Settings of a service beyond those that every service has.
public protocol SettingsGroup: Sendable {
    static var all: [any AnySetting] { get }
    /// Takes the values; each was checked before.
    init(_ values: SettingsValues)
}

/// For a service without settings of its own.
public struct NoSettings: SettingsGroup {
    public static let all: [any AnySetting] = []
    public init(_ values: SettingsValues) {}
}

/// Everything that is wrong with the settings, one line each.
public struct SettingsError: Error, Sendable, CustomStringConvertible {
    public let messages: [String]

    public init(_ messages: [String]) { self.messages = messages }

    public var description: String { messages.joined(separator: "\n") }
}

/// The checked values of settings.
public struct SettingsValues: Sendable {
    private let values: [String: any Sendable]

    init(_ values: [String: any Sendable]) { self.values = values }

    /// The value of a setting that was read.
    public subscript<Value>(setting: Setting<Value>) -> Value {
        guard let value = values[setting.key] as? Value else {
            preconditionFailure("the setting \(setting.key) is not listed, or with another type")
        }
        return value
    }
}

/// Reads settings from the environment and, below it, from a YAML file.
struct SettingsReader {
    private let configuration: ConfigReader
    private let settings: [any AnySetting]

    /// - Parameters:
    ///   - file: A YAML file; a key in it that is none of `settings` is an error.
    init(
        _ settings: [any AnySetting], environment: [String: String], file: String?
    ) throws(SettingsError) {
        self.settings = settings
        // An empty variable counts as absent: it must not hide what the file says.
        let present = environment.filter { !$0.value.isEmpty }
        var providers: [any ConfigProvider] = [EnvironmentVariablesProvider(environmentVariables: present)]
        if let file { providers.append(try Self.provider(file: file, settings: settings)) }
        configuration = ConfigReader(providers: providers)
    }

    /// Reads all settings.
    ///
    /// - Throws: ``SettingsError`` with everything that is wrong, not only the first.
    func read() throws(SettingsError) -> SettingsValues {
        var values: [String: any Sendable] = [:]
        var messages: [String] = []
        for setting in settings {
            do {
                values[setting.key] = try setting.readAny(try text(of: setting))
            } catch {
                messages += error.messages
            }
        }
        guard messages.isEmpty else { throw SettingsError(messages) }
        return SettingsValues(values)
    }

    private func text(of setting: any AnySetting) throws(SettingsError) -> String? {
        let text = string(setting.key)
        guard setting.allowsFile, let path = string(setting.key + "File") else { return text }
        let variable = SettingName.variable(setting.key)
        guard text == nil else { throw SettingsError(["\(variable) and \(variable)_FILE exclude each other"]) }
        guard let data = FileManager.default.contents(atPath: path), data.count <= 65_536,
            let content = String(bytes: data, encoding: .utf8)
        else { throw SettingsError(["\(variable)_FILE: \(path) cannot be read as text"]) }
        return content.split(whereSeparator: \.isNewline).first.map(String.init)
    }

    private func string(_ key: String) -> String? {
        let text = configuration.string(forKey: ConfigKey(key))
        return text?.isEmpty == true ? nil : text
    }

    private static func provider(
        file: String, settings: [any AnySetting]
    ) throws(SettingsError) -> any ConfigProvider {
        guard let data = FileManager.default.contents(atPath: file), let text = String(bytes: data, encoding: .utf8)
        else { throw SettingsError(["the settings file \(file) cannot be read"]) }
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch {
            throw SettingsError(["the settings file \(file) is not YAML\(place(of: error))"])
        }
        guard let root else { return InMemoryProvider(name: file, values: [:]) }
        guard root.mapping != nil else { throw SettingsError(["the settings file \(file) must be a mapping"]) }
        let known = Set(settings.flatMap { $0.allowsFile ? [$0.key, $0.key + "File"] : [$0.key] })
        var values: [AbsoluteConfigKey: ConfigValue] = [:]
        var messages: [String] = []
        for (key, value) in scalars(root, under: []) {
            let name = key.joined(separator: ".")
            if known.contains(name), let value {
                values[AbsoluteConfigKey(key)] = ConfigValue(.string(value), isSecret: false)
            } else {
                messages.append(
                    "the settings file \(file) has \(value == nil ? "no plain value at" : "the unknown key") \(name)")
            }
        }
        guard messages.isEmpty else { throw SettingsError(messages) }
        return InMemoryProvider(name: file, values: values)
    }

    /// What is wrong, and where, without the text there, which the error would quote: it may be a secret.
    private static func place(of error: any Error) -> String {
        switch error as? YamlError {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            ": \(problem) in line \(mark.line)"
        default: ""
        }
    }

    /// The leaves of a mapping; nil stands for a list, which no setting takes.
    private static func scalars(_ node: Node, under path: [String]) -> [([String], String?)] {
        switch node {
        case .mapping(let mapping):
            mapping.flatMap { key, value in scalars(value, under: path + [key.string ?? "?"]) }
        case .scalar(let scalar): [(path, scalar.string)]
        default: [(path, nil)]
        }
    }
}
