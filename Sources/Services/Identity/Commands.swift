import ArgumentParser
import Foundation
import Postgres
import ServiceKit

/// `admin create`: the first administrator is made here, never by default credentials.
struct AdminCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "admin", abstract: "Administrators.", subcommands: [Create.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "create",
            abstract: "Create a verified account with the role admin.",
            discussion: "Without --password-file a random password is made; it alone goes to standard output.")

        @OptionGroup var options: SettingsOptions
        @OptionGroup var person: PersonOptions

        func run() async throws {
            try await person.create(options, roles: [Grants.administrator], scopes: [])
        }
    }
}

/// `accounts create`: an account that the operator vouches for.
struct AccountsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "accounts", abstract: "Accounts.", subcommands: [Create.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "create",
            abstract: "Create a verified account.",
            discussion: "Without --password-file a random password is made; it alone goes to standard output.")

        @OptionGroup var options: SettingsOptions
        @OptionGroup var person: PersonOptions

        @Option(help: "Its scopes, separated by spaces; those of ACCOUNT_SCOPES when absent.")
        var scope: String?

        func run() async throws {
            var scopes: [String]?
            if let scope {
                guard let words = Grants.words(scope) else { throw ValidationError("--scope is not a list of scopes.") }
                scopes = words
            }
            try await person.create(options, roles: [], scopes: scopes)
        }
    }
}

/// Whose account it is.
struct PersonOptions: ParsableArguments {
    @Option(help: "The e-mail address.") var email: String
    @Option(help: "The first name.") var firstName = "Admin"
    @Option(help: "The last name.") var lastName = "Gatehouse"
    @Option(help: "The company.") var company = ""
    @Option(help: "A file whose first line is the password; - for standard input.") var passwordFile: String?
    @Flag(help: "Do nothing when there is an account with the address.") var ifMissing = false

    /// - Parameter scopes: nil for those of a new account.
    func create(_ options: SettingsOptions, roles: [String], scopes: [String]?) async throws {
        let address: EmailAddress
        do { address = try EmailAddress(email) } catch {
            throw ValidationError("--email \(error.errors.map(\.message).joined(separator: ", "))")
        }
        let (password, isNew) = try password()
        let boot = try Boot<IdentityService>(options)
        try await boot.reporting {
            try await boot.withMigratedPlatform { platform in
                let settings = boot.settings.own
                let resources = Resources(platform: platform, settings: settings)
                let new = NewAccount(
                    email: address, firstName: firstName, lastName: lastName, company: company, roles: roles,
                    scopes: scopes ?? settings.accountScopes, isVerified: true)
                do {
                    let account = try await Accounts(resources: resources).create(
                        new, password: password, actor: Change.operations)
                    Self.tell("account \(account.id) created")
                    if isNew { print(password.text) }
                } catch Refusal.emailTaken where ifMissing {
                    Self.tell("there is an account with this address already; nothing was changed")
                } catch let refusal as Refusal {
                    throw CommandFailure(refusal.problem.detail)
                }
            }
        }
    }

    /// - Returns: The password, and whether it was made here.
    private func password() throws -> (Password, isNew: Bool) {
        guard let passwordFile else {
            return (try Password(new: OpaqueToken.generate(prefix: "").text), true)
        }
        let text: String?
        if passwordFile == "-" {
            text = readLine()
        } else {
            text = try SecretFile.text(passwordFile).split(whereSeparator: \.isNewline).first.map(String.init)
        }
        do { return (try Password(new: text ?? ""), false) } catch {
            throw ValidationError("the password \(error.errors.map(\.message).joined(separator: ", "))")
        }
    }

    private static func tell(_ text: String) {
        FileHandle.standardError.write(Data("identity-service: \(text)\n".utf8))
    }
}

/// `keys rotate`, `keys list`.
struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "The keys that sign access tokens.", subcommands: [Rotate.self, List.self],
        defaultSubcommand: List.self)

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rotate",
            abstract: "Make the next signing key now.",
            discussion: """
                It is published at once and signs after SIGNING_PUBLISH_AHEAD; the one before stays published until its \
                last token has expired. Running services notice within ten seconds.
                """)

        @OptionGroup var options: SettingsOptions

        func run() async throws {
            let boot = try Boot<IdentityService>(options)
            try await boot.reporting {
                try await boot.withMigratedPlatform { platform in
                    let keys = Resources(platform: platform, settings: boot.settings.own).keys
                    try keys.prepare()
                    do {
                        let (kid, activeFrom) = try await keys.rotate(actor: Change.operations)
                        print("\(kid) signs from \(activeFrom)")
                    } catch let refusal as Refusal {
                        throw CommandFailure(refusal.problem.detail)
                    }
                }
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List the signing keys: kid, algorithm, from when, published until when.")

        @OptionGroup var options: SettingsOptions

        func run() async throws {
            let boot = try Boot<IdentityService>(options)
            try await boot.reporting {
                try await boot.withMigratedPlatform { platform in
                    for key in try await Store().keys(in: platform.database).map(\.scheduled) {
                        let end = key.retireAt.map { "\($0)" } ?? "-"
                        print("\(key.kid) \(key.algorithm.rawValue) \(key.activeFrom) \(end)")
                    }
                }
            }
        }
    }
}

/// Why a subcommand did not do what it should.
struct CommandFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
