<?php
// The people of the hospital's directory, as `exampleauth:UserPass` wants them: "name:password" => attributes.

$users = [];
foreach (json_decode(file_get_contents(getenv('INTEROP_DIRECTORY')), true) as $person) {
    $users[$person['username'] . ':' . $person['password']] = [
        'uid' => [$person['username']],
        'subject-id' => [$person['username'] . '-ssp@hospital.example'],
        'givenName' => [$person['givenName']],
        'sn' => [$person['familyName']],
        'mail' => [$person['email']],
        'isMemberOf' => $person['groups'],
    ];
}

$config = ['directory' => array_merge(['exampleauth:UserPass'], $users)];
